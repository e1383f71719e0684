/* `request.timed` and `awaits.span`: what runs something else, step by step. Neither has a frame,
   so neither stands in a traceback. */

enum state { CREATED, SUSPENDED, RUNNING, DONE };

#define RUNS                                                                                      \
    PyObject_HEAD PyObject *inner; /* what it runs */                                             \
    enum state state

typedef struct {
    RUNS;
} Runner;

typedef struct {
    RUNS;
    Request *request;
    PyObject *track;      /* NULL if not in detail */
    PyObject *attributes; /* of the loop */
    /* Where it is all of a request (`boundary.recorded`), else NULL. */
    PyObject *app, *scope, *receive, *worker, *failed;
} Timed;

typedef struct {
    RUNS;
    Track *track;
    long long number, parent;
    double start;
    uint16_t site, callee;
    char is_step; /* of an iterator, which returns by StopAsyncIteration */
} Span;

/* How somebody goes on with a runner: `what` is sent, or raised in it; it is closed if NULL. */
typedef struct {
    PyObject *what;
    int raised;
} Turn;

/* What runs, as `await` finds it. */
static PyObject *
runs(PyObject *awaitable)
{
    if (PyCoro_CheckExact(awaitable)) {
        PyObject *awaits = PyObject_GetAttr(awaitable, name_cr_await);
        if (awaits == NULL)
            return NULL;
        int begun = awaits != Py_None;
        Py_DECREF(awaits);
        if (begun) {
            PyErr_SetString(PyExc_RuntimeError, "coroutine is being awaited already");
            return NULL;
        }
        return Py_NewRef(awaitable);
    }
    if (PyGen_CheckExact(awaitable)) /* who calls has asked whether it may be awaited */
        return Py_NewRef(awaitable);
    PyTypeObject *type = Py_TYPE(awaitable);
    if (type->tp_as_async == NULL || type->tp_as_async->am_await == NULL)
        return PyErr_Format(PyExc_TypeError,
            "object %.100s can't be used in 'await' expression", type->tp_name);
    PyObject *iterator = type->tp_as_async->am_await(awaitable);
    if (iterator == NULL)
        return NULL;
    if (PyCoro_CheckExact(iterator))
        PyErr_SetString(PyExc_TypeError, "__await__() returned a coroutine");
    else if (!PyIter_Check(iterator))
        PyErr_Format(PyExc_TypeError, "__await__() returned non-iterator of type '%.100s'",
            Py_TYPE(iterator)->tp_name);
    else
        return iterator;
    Py_DECREF(iterator);
    return NULL;
}

/* An attribute, NULL without an error where there is none. */
static PyObject *
attribute(PyObject *thing, PyObject *name)
{
    PyObject *found = PyObject_GetAttr(thing, name);
    if (found == NULL && PyErr_ExceptionMatches(PyExc_AttributeError))
        PyErr_Clear();
    return found;
}

static int
close_inner(PyObject *inner)
{
    PyObject *close = attribute(inner, name_close);
    if (close == NULL)
        return PyErr_Occurred() ? -1 : 0;
    PyObject *closed = PyObject_CallNoArgs(close);
    Py_DECREF(close);
    Py_XDECREF(closed);
    return closed == NULL ? -1 : 0;
}

static void
raise(PyObject *error)
{
    PyErr_SetObject((PyObject *)Py_TYPE(error), error);
}

/* The value of the StopIteration that was raised. */
static PyObject *
returned(void)
{
    PyObject *error = PyErr_GetRaisedException();
    PyObject *value = Py_NewRef(((PyStopIterationObject *)error)->value);
    Py_DECREF(error);
    return value;
}

/* Raise an error in what runs, as a coroutine does that waits for it. */
static PySendResult
raise_in(PyObject *inner, PyObject *error, PyObject **result)
{
    *result = NULL;
    PyObject *throw = attribute(inner, name_throw);
    if (throw == NULL) {
        if (!PyErr_Occurred())
            raise(error);
        return PYGEN_ERROR;
    }
    *result = PyObject_CallOneArg(throw, error);
    Py_DECREF(throw);
    if (*result != NULL)
        return PYGEN_NEXT;
    if (!PyErr_ExceptionMatches(PyExc_StopIteration))
        return PYGEN_ERROR;
    *result = returned();
    return PYGEN_RETURN;
}

static int
is_close(Turn turn)
{
    return turn.raised && PyErr_GivenExceptionMatches(turn.what, PyExc_GeneratorExit);
}

/* Close what runs, so that nothing is left but the error. */
static PySendResult
close_by(PyObject *inner, PyObject *error, PyObject **result)
{
    *result = NULL;
    if (close_inner(inner) == 0)
        raise(error);
    return PYGEN_ERROR;
}

static PySendResult
go_on(PyObject *inner, Turn turn, PyObject **result)
{
    if (!turn.raised)
        return PyIter_Send(inner, turn.what, result);
    return is_close(turn) ? close_by(inner, turn.what, result)
                          : raise_in(inner, turn.what, result);
}

/* Whether it can go on at all. One that is closed or failed before it began is over. */
static int
may_go_on(Runner *self, Turn turn)
{
    if (self->state == RUNNING) {
        PyErr_SetString(PyExc_ValueError, "coroutine already executing");
        return 0;
    }
    if (self->state == DONE && !is_close(turn)) {
        PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
        return 0;
    }
    if (turn.raised && self->state != SUSPENDED) {
        self->state = DONE;
        raise(turn.what);
        return 0;
    }
    return 1;
}

/* Steps of a request. */

typedef struct {
    int counts; /* else it is a task that began eagerly, inside another's step */
    PyObject *around;
    double since;
} Step;

static int
swap_create_task(PyObject *attributes)
{
    PyObject *usual = PyDict_GetItemWithError(attributes, key_create_task);
    if (usual == NULL)
        return PyErr_Occurred() ? -1 : 0;
    if (usual != stepping->create_task) {
        Py_INCREF(usual);
        PyObject *follow = is_none(stepping->follows)
                               ? Py_NewRef(Py_None)
                               : PyObject_CallOneArg(stepping->follows, usual);
        if (follow == NULL) {
            Py_DECREF(usual);
            return -1;
        }
        Py_XSETREF(stepping->create_task, usual);
        Py_XSETREF(stepping->follow, follow);
    }
    return PyDict_SetItem(attributes, key_create_task, stepping->follow);
}

static int
step_begins(Timed *self, Step *step)
{
    step->counts = is_none(stepping->request);
    if (step->counts) {
        if (swap_create_task(self->attributes) < 0)
            return -1;
        Py_XSETREF(stepping->request, Py_NewRef(self->request));
    }
    step->around = stepping->track;
    stepping->track = Py_NewRef(self->track == NULL ? Py_None : self->track);
    if (step->counts) {
        step->since = stepping->since = read_clock();
        if (step->since >= stepping->next_sign) {
            PyObject *now = PyFloat_FromDouble(step->since);
            if (now == NULL)
                PyErr_WriteUnraisable(NULL);
            else
                tell(stepping->sign, &now, 1);
            Py_XDECREF(now);
        }
    }
    return 0;
}

static void
tell_long(Request *request, double since, double until)
{
    PyObject *what[] = {(PyObject *)request, PyFloat_FromDouble(since), PyFloat_FromDouble(until)};
    if (what[1] == NULL || what[2] == NULL)
        PyErr_WriteUnraisable(NULL);
    else
        tell(stepping->long_step, what, 3);
    Py_XDECREF(what[1]);
    Py_XDECREF(what[2]);
}

/* Called without an error, which would be in the way. */
static void
step_ends(Timed *self, Step *step)
{
    Py_XSETREF(stepping->track, step->around);
    if (!step->counts)
        return;
    double now = read_clock();
    Py_XSETREF(stepping->request, Py_NewRef(Py_None));
    PyObject *present = PyDict_GetItemWithError(self->attributes, key_create_task);
    if (present == stepping->follow /* else the app's new one stays */
        && PyDict_SetItem(self->attributes, key_create_task, stepping->create_task) < 0)
        PyErr_WriteUnraisable(self->attributes);
    double took_s = now - step->since;
    self->request->loop_s += took_s;
    self->request->steps += 1;
    if (took_s >= LONG_S)
        tell_long(self->request, step->since, now);
}

/* All of a request begins: the app is called. */
static int
timed_enters(Timed *self)
{
    PyObject *send = PyObject_GetAttr((PyObject *)self->request, name_send);
    if (send == NULL)
        return -1;
    PyObject *arguments[] = {self->scope, self->receive, send};
    PyObject *running = PyObject_Vectorcall(self->app, arguments, 3, NULL);
    Py_DECREF(send);
    if (running == NULL)
        return -1;
    self->inner = runs(running);
    Py_DECREF(running);
    return self->inner == NULL ? -1 : 0;
}

/* It is over, with an error or without. */
static void
timed_leaves(Timed *self)
{
    self->state = DONE;
    Py_CLEAR(self->inner);
    if (self->worker == NULL)
        return;
    PyObject *error = PyErr_GetRaisedException();
    PyObject *arguments[] = {self->worker, (PyObject *)self->request, self->scope};
    PyObject *finished = PyObject_VectorcallMethod(name_finish, arguments, 3, NULL);
    if (finished == NULL) {
        PyObject *failure = PyErr_GetRaisedException();
        tell(self->failed, &failure, 1);
        Py_DECREF(failure);
    }
    Py_XDECREF(finished);
    Py_CLEAR(self->worker);
    PyErr_SetRaisedException(error);
}

static PySendResult
timed_go_on(Timed *self, Turn turn, PyObject **result)
{
    *result = NULL;
    if (!may_go_on((Runner *)self, turn))
        return PYGEN_ERROR;
    PySendResult how = PYGEN_ERROR;
    int enters = self->inner == NULL;
    self->state = RUNNING;
    if (is_close(turn))
        how = close_by(self->inner, turn.what, result);
    else if (!enters || timed_enters(self) == 0) {
        Step step;
        if (step_begins(self, &step) == 0) {
            how = go_on(self->inner, turn, result);
            PyObject *error = how == PYGEN_ERROR ? PyErr_GetRaisedException() : NULL;
            step_ends(self, &step);
            if (error != NULL)
                PyErr_SetRaisedException(error);
        }
    }
    if (how == PYGEN_NEXT)
        self->state = SUSPENDED;
    else
        timed_leaves(self);
    return how;
}

/* Spans. */

static int
span_begins(Span *self)
{
    Track *track = self->track;
    self->number = track->request->spans++;
    self->parent = track->open;
    track->open = self->number;
    track->depth += 1;
    self->start = read_clock();
    PyObject *awaitable = self->inner;
    self->inner = runs(awaitable);
    Py_DECREF(awaitable);
    return self->inner == NULL ? -1 : 0;
}

static enum outcome
outcome_of(Span *self, PyObject *error)
{
    if (error == NULL)
        return RETURNED;
    if (self->is_step && PyErr_GivenExceptionMatches(error, PyExc_StopAsyncIteration))
        return RETURNED;
    if (PyErr_GivenExceptionMatches(error, cancelled_error)
        || PyErr_GivenExceptionMatches(error, PyExc_GeneratorExit))
        return CANCELLED;
    return RAISED;
}

/* It is over, with an error or without. */
static void
span_ends(Span *self)
{
    double last_s = read_clock() - self->start;
    Track *track = self->track;
    PyObject *error = PyErr_GetRaisedException();
    SpanRow row = {
        .start = self->start,
        .request = (uint32_t)track->request->number,
        .task = (uint16_t)track->task,
        .span = (uint16_t)self->number,
        .parent = (uint16_t)(self->parent == NO_SPAN ? self->number : self->parent),
        .site = self->site,
        .callee = self->callee,
        .outcome = (uint8_t)outcome_of(self, error),
    };
    self->state = DONE;
    Py_CLEAR(self->inner);
    if (track_close(track, &row, last_s, self->parent) < 0)
        PyErr_WriteUnraisable((PyObject *)track);
    PyErr_SetRaisedException(error);
}

static PySendResult
span_go_on(Span *self, Turn turn, PyObject **result)
{
    *result = NULL;
    if (!may_go_on((Runner *)self, turn))
        return PYGEN_ERROR;
    PySendResult how = PYGEN_ERROR;
    int begins = self->state == CREATED;
    self->state = RUNNING;
    if (!begins || span_begins(self) == 0)
        how = go_on(self->inner, turn, result);
    if (how == PYGEN_NEXT)
        self->state = SUSPENDED;
    else
        span_ends(self);
    return how;
}

/* How Python goes on with both. */

static PyTypeObject TimedType, SpanType;

static PySendResult
runner_go_on(PyObject *self, Turn turn, PyObject **result)
{
    return Py_IS_TYPE(self, &SpanType) ? span_go_on((Span *)self, turn, result)
                                       : timed_go_on((Timed *)self, turn, result);
}

static PySendResult
runner_am_send(PyObject *self, PyObject *value, PyObject **result)
{
    return runner_go_on(self, (Turn){value, 0}, result);
}

/* As a method's result: what is returned is raised. */
static PyObject *
as_method(PySendResult how, PyObject *result)
{
    if (how != PYGEN_RETURN)
        return result;
    PyObject *stop = PyObject_CallOneArg(PyExc_StopIteration, result);
    Py_DECREF(result);
    if (stop != NULL) {
        raise(stop);
        Py_DECREF(stop);
    }
    return NULL;
}

static PyObject *
runner_send(PyObject *self, PyObject *value)
{
    PyObject *result;
    PySendResult how = runner_am_send(self, value, &result);
    return as_method(how, result);
}

static PyObject *
runner_next(PyObject *self)
{
    return runner_send(self, Py_None);
}

/* The error of `throw(error)`, or of its older form `throw(type, value, traceback)`. */
static PyObject *
thrown(PyObject *args)
{
    PyObject *type, *value = NULL, *trace = NULL;
    if (!PyArg_UnpackTuple(args, "throw", 1, 3, &type, &value, &trace))
        return NULL;
    PyObject *error;
    if (PyExceptionInstance_Check(type))
        error = Py_NewRef(type);
    else if (!PyExceptionClass_Check(type))
        return PyErr_Format(PyExc_TypeError,
            "exceptions must be classes or instances deriving from BaseException, not %.100s",
            Py_TYPE(type)->tp_name);
    else if (!is_none(value) && PyErr_GivenExceptionMatches(value, type))
        error = Py_NewRef(value);
    else
        error = is_none(value) ? PyObject_CallNoArgs(type) : PyObject_CallOneArg(type, value);
    if (error == NULL)
        return NULL;
    if (!PyExceptionInstance_Check(error)
        || (!is_none(trace) && PyException_SetTraceback(error, trace) < 0)) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_TypeError, "calling the class did not make an exception");
        Py_DECREF(error);
        return NULL;
    }
    return error;
}

static PyObject *
runner_throw(PyObject *self, PyObject *args)
{
    PyObject *error = thrown(args);
    if (error == NULL)
        return NULL;
    PyObject *result;
    PySendResult how = runner_go_on(self, (Turn){error, 1}, &result);
    Py_DECREF(error);
    return as_method(how, result);
}

static PyObject *
runner_close(PyObject *self, PyObject *Py_UNUSED(none))
{
    if (((Runner *)self)->state == DONE)
        Py_RETURN_NONE;
    PyObject *exit = PyObject_CallNoArgs(PyExc_GeneratorExit);
    if (exit == NULL)
        return NULL;
    PyObject *result; /* closing never yields, nor returns */
    runner_go_on(self, (Turn){exit, 1}, &result);
    Py_DECREF(exit);
    if (!PyErr_ExceptionMatches(PyExc_GeneratorExit))
        return NULL;
    PyErr_Clear();
    Py_RETURN_NONE;
}

/* Dropped unfinished. */
static void
runner_finalize(PyObject *self)
{
    if (((Runner *)self)->state != SUSPENDED)
        return;
    PyObject *error = PyErr_GetRaisedException();
    PyObject *closed = runner_close(self, NULL);
    if (closed == NULL)
        PyErr_WriteUnraisable(self);
    Py_XDECREF(closed);
    PyErr_SetRaisedException(error);
}

/* To who follows what waits for what, it is the coroutine that it runs. */
static PyObject *
runner_shows(Runner *self, void *name)
{
    if (self->inner == NULL)
        Py_RETURN_NONE;
    return PyObject_GetAttrString(self->inner, name);
}

static PyGetSetDef runner_getset[] = {
    {"cr_await", (getter)runner_shows, NULL, NULL, "cr_await"},
    {"cr_code", (getter)runner_shows, NULL, NULL, "cr_code"},
    {"cr_frame", (getter)runner_shows, NULL, NULL, "cr_frame"},
    {"cr_running", (getter)runner_shows, NULL, NULL, "cr_running"},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef runner_methods[] = {
    {"send", runner_send, METH_O, NULL},
    {"throw", runner_throw, METH_VARARGS, NULL},
    {"close", runner_close, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyAsyncMethods runner_async = {.am_await = Py_NewRef, .am_send = runner_am_send};

static int
timed_traverse(Timed *self, visitproc visit, void *arg)
{
    Py_VISIT(self->inner);
    Py_VISIT(self->request);
    Py_VISIT(self->track);
    Py_VISIT(self->attributes);
    Py_VISIT(self->app);
    Py_VISIT(self->scope);
    Py_VISIT(self->receive);
    Py_VISIT(self->worker);
    Py_VISIT(self->failed);
    return 0;
}

static int
timed_clear(Timed *self)
{
    Py_CLEAR(self->inner);
    Py_CLEAR(self->request);
    Py_CLEAR(self->track);
    Py_CLEAR(self->attributes);
    Py_CLEAR(self->app);
    Py_CLEAR(self->scope);
    Py_CLEAR(self->receive);
    Py_CLEAR(self->worker);
    Py_CLEAR(self->failed);
    return 0;
}

static int
span_traverse(Span *self, visitproc visit, void *arg)
{
    Py_VISIT(self->inner);
    Py_VISIT(self->track);
    return 0;
}

static int
span_clear(Span *self)
{
    Py_CLEAR(self->inner);
    Py_CLEAR(self->track);
    return 0;
}

static void
runner_dealloc(PyObject *self)
{
    if (((Runner *)self)->state == SUSPENDED && PyObject_CallFinalizerFromDealloc(self) < 0)
        return;
    PyObject_GC_UnTrack(self);
    Py_TYPE(self)->tp_clear(self);
    Py_TYPE(self)->tp_free(self);
}

static PyTypeObject TimedType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "asyncperf.probe._native.Timed",
    .tp_basicsize = sizeof(Timed),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_traverse = (traverseproc)timed_traverse,
    .tp_clear = (inquiry)timed_clear,
    .tp_dealloc = runner_dealloc,
    .tp_finalize = runner_finalize,
    .tp_as_async = &runner_async,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = runner_next,
    .tp_methods = runner_methods,
    .tp_getset = runner_getset,
};

static PyTypeObject SpanType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "asyncperf.probe._native.Span",
    .tp_basicsize = sizeof(Span),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_traverse = (traverseproc)span_traverse,
    .tp_clear = (inquiry)span_clear,
    .tp_dealloc = runner_dealloc,
    .tp_finalize = runner_finalize,
    .tp_as_async = &runner_async,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = runner_next,
    .tp_methods = runner_methods,
    .tp_getset = runner_getset,
};

/* How they are made. */

static Timed *
timed_made(PyObject *request, PyObject *track)
{
    if (!Py_IS_TYPE(request, &RequestType)) {
        PyErr_SetString(PyExc_TypeError, "not a request");
        return NULL;
    }
    Timed *self = (Timed *)TimedType.tp_alloc(&TimedType, 0);
    if (self == NULL)
        return NULL;
    self->request = (Request *)Py_NewRef(request);
    self->track = is_none(track) ? NULL : Py_NewRef(track);
    self->attributes = Py_NewRef(stepping->attributes);
    return self;
}

static PyObject *
timed(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count)
{
    if (count < 2 || count > 3)
        return PyErr_Format(PyExc_TypeError, "timed(running, request, track=None)");
    Timed *self = timed_made(args[1], count == 3 ? args[2] : NULL);
    if (self == NULL)
        return NULL;
    self->inner = runs(args[0]);
    if (self->inner == NULL)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static PyObject *
span_made(Track *track, PyObject *awaitable, long site, long callee, int is_step)
{
    Span *self = (Span *)SpanType.tp_alloc(&SpanType, 0);
    if (self == NULL)
        return NULL;
    self->inner = Py_NewRef(awaitable);
    self->track = (Track *)Py_NewRef(track);
    self->site = (uint16_t)site;
    self->callee = (uint16_t)callee;
    self->is_step = (char)is_step;
    return (PyObject *)self;
}

static PyObject *
span(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *track, *awaitable;
    long site, callee;
    int is_step;
    if (!PyArg_ParseTuple(args, "O!llOp", &TrackType, &track, &site, &callee, &awaitable, &is_step))
        return NULL;
    return span_made((Track *)track, awaitable, site, callee, is_step);
}

/* What was found out at an await before, -1 if nothing. */
static long
known(PyObject *numbers, PyObject *key)
{
    PyObject *number = PyDict_GetItemWithError(numbers, key);
    return number == NULL ? -1 : PyLong_AsLong(number);
}

static PyObject *
awaited(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count)
{
    if (count != 2)
        return PyErr_Format(PyExc_TypeError, "awaited(place, awaitable)");
    PyObject *place = args[0], *awaitable = args[1];
    if (is_none(stepping->track))
        return Py_NewRef(awaitable);
    Track *track = (Track *)stepping->track;
    if (PyCoro_CheckExact(awaitable) && Py_IS_TYPE(track, &TrackType)) {
        Spans *timeline = track->timeline;
        PyObject *code = PyObject_GetAttr(awaitable, name_cr_code);
        if (code == NULL)
            return NULL;
        PyObject *identity = PyLong_FromVoidPtr(code);
        Py_DECREF(code);
        if (identity == NULL)
            return NULL;
        long callee = known(timeline->coroutines, identity);
        Py_DECREF(identity);
        long site = known(timeline->sites, place);
        if (callee >= 0 && site >= 0 && track_has_room(track) && !is_elsewhere(timeline))
            return span_made(track, awaitable, site, callee, 0);
        if (PyErr_Occurred())
            return NULL;
    }
    PyObject *slowly[] = {(PyObject *)track, place, awaitable};
    Py_INCREF(track);
    PyObject *found = PyObject_Vectorcall(recorded, slowly, 3, NULL);
    Py_DECREF(track);
    return found;
}
