/* How Python goes on with both kinds of runners, and how it makes them. */

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

static void
runner_dealloc(PyObject *self)
{
    if (((Runner *)self)->state == SUSPENDED && PyObject_CallFinalizerFromDealloc(self) < 0)
        return;
    PyObject_GC_UnTrack(self);
    Py_TYPE(self)->tp_clear(self);
    Py_TYPE(self)->tp_free(self);
}

/* What the types of both kinds have alike. */
#define RUNNER_TYPE                                                                               \
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,      \
    .tp_dealloc = runner_dealloc, .tp_finalize = runner_finalize, .tp_as_async = &runner_async,   \
    .tp_iter = PyObject_SelfIter, .tp_iternext = runner_next, .tp_methods = runner_methods,       \
    .tp_getset = runner_getset

static PyTypeObject TimedType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "asyncperf.probe._native.Timed",
    .tp_basicsize = sizeof(Timed),
    .tp_traverse = (traverseproc)timed_traverse,
    .tp_clear = (inquiry)timed_clear,
    RUNNER_TYPE,
};

static PyTypeObject SpanType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "asyncperf.probe._native.Span",
    .tp_basicsize = sizeof(Span),
    .tp_traverse = (traverseproc)span_traverse,
    .tp_clear = (inquiry)span_clear,
    RUNNER_TYPE,
};

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
span(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *track, *awaitable;
    long site, callee;
    int is_step;
    if (!PyArg_ParseTuple(args, "O!llOp", &TrackType, &track, &site, &callee, &awaitable, &is_step))
        return NULL;
    return span_made((Track *)track, awaitable, site, callee, is_step);
}

/* The code of a coroutine, which it keeps. */
static void *
code_of(PyObject *coroutine)
{
#if PY_VERSION_HEX < 0x030C0000
    return ((PyCoroObject *)coroutine)->cr_code;
#else
    PyCodeObject *code = PyGen_GetCode((PyGenObject *)coroutine);
    Py_DECREF(code);
    return code;
#endif
}

/* What the timeline has found out of the coroutine that is awaited at a place, NULL with an error
   or without if nothing. */
static Known *
known_of(Spans *timeline, PyObject *place, void *code)
{
    Known *here = known_at(timeline, PyLong_AsLong(place));
    if (here == NULL || here->code == code)
        return here;
    PyObject *identity = PyLong_FromVoidPtr(code);
    if (identity == NULL)
        return NULL;
    long callee = known(timeline->coroutines, identity);
    Py_DECREF(identity);
    long site = known(timeline->sites, place);
    if (callee < 0 || site < 0)
        return NULL;
    *here = (Known){.code = code, .site = (uint16_t)site, .callee = (uint16_t)callee};
    return here;
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
        Known *found = known_of(timeline, place, code_of(awaitable));
        if (found != NULL && track_has_room(track) && !is_elsewhere(timeline))
            return span_made(track, awaitable, found->site, found->callee, 0);
        if (PyErr_Occurred())
            return NULL;
    }
    PyObject *slowly[] = {(PyObject *)track, place, awaitable};
    Py_INCREF(track);
    PyObject *found = PyObject_Vectorcall(recorded, slowly, 3, NULL);
    Py_DECREF(track);
    return found;
}
