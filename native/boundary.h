/* `boundary.Passage`: an app, and who records its requests. */

typedef struct {
    PyObject_HEAD
    PyObject *app, *worker; /* an `Intake`, or None as long as there is none */
} Passage;

/* All of a request that is recorded; `what` are scope, receive and send. */
static PyObject *timed_request(Passage *, Intake *, Request *, PyObject *const *what);

static int
passage_init(Passage *self, PyObject *args, PyObject *Py_UNUSED(named))
{
    PyObject *app;
    if (!PyArg_ParseTuple(args, "O", &app))
        return -1;
    Py_XSETREF(self->app, Py_NewRef(app));
    Py_XSETREF(self->worker, Py_NewRef(Py_None));
    return 0;
}

static int
passage_traverse(Passage *self, visitproc visit, void *arg)
{
    Py_VISIT(self->app);
    Py_VISIT(self->worker);
    return 0;
}

static int
passage_clear(Passage *self)
{
    Py_CLEAR(self->app);
    Py_CLEAR(self->worker);
    return 0;
}

static void
passage_dealloc(Passage *self)
{
    PyObject_GC_UnTrack(self);
    passage_clear(self);
    Py_TYPE(self)->tp_free(self);
}

/* The probe failed: say so, and go on without. -1 with an error if that fails as well. */
static int
passage_fails(Passage *self)
{
    PyObject *error = PyErr_GetRaisedException();
    PyObject *arguments[] = {(PyObject *)self, error};
    PyObject *said = PyObject_VectorcallMethod(name_fail, arguments, 2, NULL);
    Py_DECREF(error);
    Py_XDECREF(said);
    return said == NULL ? -1 : 0;
}

/* Who records a request that begins now; a new reference, to None if nobody does. */
static PyObject *
recorder(Passage *self)
{
    if (!is_none(self->worker))
        return Py_NewRef(self->worker);
    PyObject *worker = PyObject_CallMethodNoArgs((PyObject *)self, name_made);
    if (is_none(worker) || PyObject_TypeCheck(worker, &IntakeType))
        return worker;
    Py_DECREF(worker);
    return PyErr_Format(PyExc_TypeError, "no worker");
}

static PyObject *
passage_call(Passage *self, PyObject *args, PyObject *named)
{
    double now = read_clock();
    if ((named != NULL && PyDict_GET_SIZE(named)) || PyTuple_GET_SIZE(args) != 3)
        return PyObject_Call(self->app, args, named); /* as no server does */
    Intake *worker = (Intake *)self->worker;
    if (!is_none(self->worker) && now < worker->idle_until)
        return PyObject_Call(self->app, args, NULL);
    PyObject *const *what = &PyTuple_GET_ITEM(args, 0); /* scope, receive and send */
    worker = (Intake *)recorder(self);
    if (worker == NULL)
        return NULL;
    Request *request = is_none((PyObject *)worker) ? NULL : begins(worker, what[0], now);
    PyObject *running = NULL;
    if (request == NULL) {
        if (!PyErr_Occurred() || (!is_interrupted() && passage_fails(self) == 0))
            running = PyObject_Call(self->app, args, NULL);
    } else if (request->number == NO_REQUEST) {
        PyObject *all[] = {(PyObject *)self, (PyObject *)request, what[0], what[1], what[2]};
        running = PyObject_VectorcallMethod(name_watched, all, 5, NULL);
    } else
        running = timed_request(self, worker, request, what);
    Py_XDECREF(request);
    Py_DECREF(worker);
    return running;
}

static int
passage_set_worker(Passage *self, PyObject *worker, void *Py_UNUSED(closure))
{
    if (!is_none(worker) && !PyObject_TypeCheck(worker, &IntakeType)) {
        PyErr_SetString(PyExc_TypeError, "no worker");
        return -1;
    }
    Py_XSETREF(self->worker, Py_NewRef(worker == NULL ? Py_None : worker));
    return 0;
}

static PyObject *
passage_get_worker(Passage *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(self->worker);
}

static PyMemberDef passage_members[] = {OBJECT(Passage, app, 0), NO_MORE};

static PyGetSetDef passage_getset[] = {
    {"worker", (getter)passage_get_worker, (setter)passage_set_worker, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject PassageType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "asyncperf.probe._native.Passage",
    .tp_basicsize = sizeof(Passage),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)passage_init,
    .tp_call = (ternaryfunc)passage_call,
    .tp_traverse = (traverseproc)passage_traverse,
    .tp_clear = (inquiry)passage_clear,
    .tp_dealloc = (destructor)passage_dealloc,
    .tp_members = passage_members,
    .tp_getset = passage_getset,
};
