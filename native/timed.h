/* `request.timed`: the steps of a request's tasks. */

typedef struct {
    RUNS;
    Request *request;
    PyObject *track;      /* NULL if not in detail */
    PyObject *attributes; /* of the loop */
    /* Where it is all of a request (`boundary.recorded`), else NULL. */
    Passage *passage;
    Intake *worker;
    PyObject *scope, *receive;
    double ended; /* its last step */
} Timed;

static PyTypeObject TimedType;

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
    if (step->counts)
        step->since = stepping->since = read_clock();
    return 0;
}

/* A step shows that the loop goes on. */
static int
step_signs(Step *step)
{
    if (!step->counts || step->since < stepping->next_sign)
        return 0;
    PyObject *now = PyFloat_FromDouble(step->since);
    if (now == NULL)
        return -1;
    int told = tell(stepping->sign, &now, 1);
    Py_DECREF(now);
    return told;
}

static int
tell_long(Request *request, double since, double until)
{
    PyObject *what[] = {(PyObject *)request, PyFloat_FromDouble(since), PyFloat_FromDouble(until)};
    int told = what[1] == NULL || what[2] == NULL ? -1 : tell(stepping->long_step, what, 3);
    Py_XDECREF(what[1]);
    Py_XDECREF(what[2]);
    return told;
}

/* Called without an error, which would be in the way. -1 with one if a signal interrupted it. */
static int
step_ends(Timed *self, Step *step)
{
    Py_XSETREF(stepping->track, step->around);
    if (!step->counts)
        return 0;
    double now = self->ended = read_clock();
    Py_XSETREF(stepping->request, Py_NewRef(Py_None));
    PyObject *present = PyDict_GetItemWithError(self->attributes, key_create_task);
    if (present == stepping->follow /* else the app's new one stays */
        && PyDict_SetItem(self->attributes, key_create_task, stepping->create_task) < 0)
        PyErr_WriteUnraisable(self->attributes);
    double took_s = now - step->since;
    self->request->loop_s += took_s;
    self->request->steps += 1;
    return took_s >= LONG_S ? tell_long(self->request, step->since, now) : 0;
}

static PySendResult
step(Timed *self, Turn turn, PyObject **result)
{
    Step step;
    if (step_begins(self, &step) < 0)
        return PYGEN_ERROR;
    PySendResult how = PYGEN_ERROR;
    if (step_signs(&step) == 0)
        how = go_on(self->inner, turn, result);
    PyObject *error = how == PYGEN_ERROR ? PyErr_GetRaisedException() : NULL;
    if (step_ends(self, &step) < 0) {
        Py_CLEAR(*result);
        how = PYGEN_ERROR;
    }
    if (error != NULL)
        raise_before(error);
    return how;
}

/* All of a request begins: the app is called. */
static int
timed_enters(Timed *self)
{
    PyObject *send = request_sender(self->request);
    if (send == NULL)
        return -1;
    PyObject *arguments[] = {self->scope, self->receive, send};
    PyObject *running = PyObject_Vectorcall(self->passage->app, arguments, 3, NULL);
    Py_DECREF(send);
    if (running == NULL)
        return -1;
    self->inner = runs(running);
    Py_DECREF(running);
    return self->inner == NULL ? -1 : 0;
}

/* It is over, with an error or without. -1 if there is one now. */
static int
timed_leaves(Timed *self, PySendResult how)
{
    self->state = DONE;
    Py_CLEAR(self->inner);
    if (self->worker == NULL)
        return how == PYGEN_ERROR ? -1 : 0;
    PyObject *error = how == PYGEN_ERROR ? PyErr_GetRaisedException() : NULL;
    double end = self->ended ? self->ended : read_clock();
    int failed = finishes(self->worker, self->request, self->scope, end) < 0
                 && (is_interrupted() || passage_fails(self->passage) < 0);
    Py_CLEAR(self->worker);
    if (error != NULL)
        raise_before(error);
    return failed || error != NULL ? -1 : 0;
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
    else if (!enters || timed_enters(self) == 0)
        how = step(self, turn, result);
    if (how == PYGEN_NEXT)
        self->state = SUSPENDED;
    else if (timed_leaves(self, how) < 0) {
        Py_CLEAR(*result);
        how = PYGEN_ERROR;
    }
    return how;
}

static int
timed_traverse(Timed *self, visitproc visit, void *arg)
{
    Py_VISIT(self->inner);
    Py_VISIT(self->request);
    Py_VISIT(self->track);
    Py_VISIT(self->attributes);
    Py_VISIT(self->passage);
    Py_VISIT(self->worker);
    Py_VISIT(self->scope);
    Py_VISIT(self->receive);
    return 0;
}

static int
timed_clear(Timed *self)
{
    Py_CLEAR(self->inner);
    Py_CLEAR(self->request);
    Py_CLEAR(self->track);
    Py_CLEAR(self->attributes);
    Py_CLEAR(self->passage);
    Py_CLEAR(self->worker);
    Py_CLEAR(self->scope);
    Py_CLEAR(self->receive);
    return 0;
}

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
timed_request(Passage *passage, Intake *worker, Request *request, PyObject *const *what)
{
    Track *track = NULL;
    if (request->detail) {
        track = track_made((Spans *)worker->timeline, request, 0, NO_SPAN);
        if (track == NULL)
            return NULL;
    }
    Timed *self = timed_made((PyObject *)request, (PyObject *)track);
    Py_XDECREF(track);
    if (self == NULL)
        return NULL;
    self->passage = (Passage *)Py_NewRef(passage);
    self->worker = (Intake *)Py_NewRef(worker);
    self->scope = Py_NewRef(what[0]);
    self->receive = Py_NewRef(what[1]);
    Py_XSETREF(request->server_send, Py_NewRef(what[2]));
    return (PyObject *)self;
}
