/* `request.Stepping`: what the loop is at. */

typedef struct {
    PyObject_HEAD
    PyObject *request, *track, *answering, *next_turn, *leaving, *left, *long_step, *sign,
        *attributes, *follows, *create_task, *follow;
    PyObject *clock; /* NULL for the one below */
    double since, next_sign;
} Stepping;

static Stepping *stepping; /* the one and only `STEPPING` */
static PyObject *perf_counter;

/* On Linux `time.perf_counter` is this clock, in nanoseconds by 1e9. */
static double
read_clock(void)
{
    if (stepping->clock == NULL) {
        struct timespec at;
        clock_gettime(CLOCK_MONOTONIC, &at);
        return (double)(at.tv_sec * INT64_C(1000000000) + at.tv_nsec) / 1e9;
    }
    PyObject *at = PyObject_CallNoArgs(stepping->clock);
    double now = at == NULL ? -1.0 : PyFloat_AsDouble(at);
    if (now == -1.0 && PyErr_Occurred())
        PyErr_WriteUnraisable(stepping->clock);
    Py_XDECREF(at);
    return now;
}

static PyObject *
stepping_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(named))
{
    Stepping *self = (Stepping *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    PyObject **nothing[] = {&self->request, &self->track, &self->answering, &self->next_turn,
                            &self->left, &self->long_step, &self->sign, &self->follows,
                            &self->create_task, &self->follow};
    for (size_t n = 0; n < Py_ARRAY_LENGTH(nothing); n++)
        *nothing[n] = Py_NewRef(Py_None);
    self->next_sign = INFINITY;
    self->attributes = Py_BuildValue("{OO}", key_create_task, Py_None);
    self->leaving = PyList_New(0);
    if (self->attributes == NULL || self->leaving == NULL) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static int
stepping_traverse(Stepping *self, visitproc visit, void *arg)
{
    Py_VISIT(self->request);
    Py_VISIT(self->track);
    Py_VISIT(self->answering);
    Py_VISIT(self->next_turn);
    Py_VISIT(self->leaving);
    Py_VISIT(self->left);
    Py_VISIT(self->long_step);
    Py_VISIT(self->sign);
    Py_VISIT(self->attributes);
    Py_VISIT(self->follows);
    Py_VISIT(self->create_task);
    Py_VISIT(self->follow);
    Py_VISIT(self->clock);
    return 0;
}

static int
stepping_clear(Stepping *self)
{
    Py_CLEAR(self->request);
    Py_CLEAR(self->track);
    Py_CLEAR(self->answering);
    Py_CLEAR(self->next_turn);
    Py_CLEAR(self->leaving);
    Py_CLEAR(self->left);
    Py_CLEAR(self->long_step);
    Py_CLEAR(self->sign);
    Py_CLEAR(self->attributes);
    Py_CLEAR(self->follows);
    Py_CLEAR(self->create_task);
    Py_CLEAR(self->follow);
    Py_CLEAR(self->clock);
    return 0;
}

static void
stepping_dealloc(Stepping *self)
{
    PyObject_GC_UnTrack(self);
    stepping_clear(self);
    Py_TYPE(self)->tp_free(self);
}

static PyObject *
stepping_get_clock(Stepping *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(self->clock == NULL ? perf_counter : self->clock);
}

static int
stepping_set_clock(Stepping *self, PyObject *clock, void *Py_UNUSED(closure))
{
    Py_XSETREF(self->clock, clock == perf_counter ? NULL : Py_XNewRef(clock));
    return 0;
}

#define OBJECT(type, name, flags) {#name, T_OBJECT, offsetof(type, name), flags, NULL}
#define NUMBER(type, name) {#name, T_LONGLONG, offsetof(type, name), 0, NULL}
#define SECONDS(type, name) {#name, T_DOUBLE, offsetof(type, name), 0, NULL}
#define TRUTH(type, name) {#name, T_BOOL, offsetof(type, name), 0, NULL}
#define NO_MORE {NULL, 0, 0, 0, NULL}

static PyMemberDef stepping_members[] = {
    OBJECT(Stepping, request, 0),     OBJECT(Stepping, track, 0),
    OBJECT(Stepping, answering, 0),   OBJECT(Stepping, next_turn, 0),
    OBJECT(Stepping, leaving, 0),     OBJECT(Stepping, left, 0),        OBJECT(Stepping, long_step, 0),
    OBJECT(Stepping, sign, 0),        OBJECT(Stepping, attributes, 0),
    OBJECT(Stepping, follows, 0),     OBJECT(Stepping, create_task, 0),
    OBJECT(Stepping, follow, 0),      SECONDS(Stepping, since),
    SECONDS(Stepping, next_sign),     NO_MORE,
};

static PyGetSetDef stepping_getset[] = {
    {"clock", (getter)stepping_get_clock, (setter)stepping_set_clock, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject SteppingType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "asyncperf.probe._native.Stepping",
    .tp_basicsize = sizeof(Stepping),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = stepping_new,
    .tp_traverse = (traverseproc)stepping_traverse,
    .tp_clear = (inquiry)stepping_clear,
    .tp_dealloc = (destructor)stepping_dealloc,
    .tp_members = stepping_members,
    .tp_getset = stepping_getset,
};
