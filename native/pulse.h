/* `alarm.Timer`, `pulse.Mark` and `pulse.Pulse`: what a tick does that a request makes. */

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define NS_PER_S 1e9

typedef struct {
    PyObject_HEAD
    double due;
    struct timespec again;
    int file;
} Timer;

static struct timespec
timespec_of(double seconds)
{
    double whole = floor(seconds);
    return (struct timespec){(time_t)whole, (long)((seconds - whole) * NS_PER_S)};
}

static PyObject *
timer_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(named))
{
    double again_s;
    if (!PyArg_ParseTuple(args, "d", &again_s))
        return NULL;
    int file = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (file < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    Timer *self = (Timer *)type->tp_alloc(type, 0);
    if (self == NULL) {
        close(file);
        return NULL;
    }
    self->file = file;
    self->again = timespec_of(again_s);
    self->due = INFINITY;
    return (PyObject *)self;
}

static void
timer_dealloc(Timer *self)
{
    close(self->file);
    Py_TYPE(self)->tp_free(self);
}

static void
timer_set(Timer *self, double now, double delay_s)
{
    struct itimerspec spec = {self->again, timespec_of(delay_s)};
    self->due = now + delay_s;
    timerfd_settime(self->file, 0, &spec, NULL);
}

static PyObject *
timer_put_off(Timer *self, PyObject *args)
{
    double now, delay_s;
    if (!PyArg_ParseTuple(args, "dd", &now, &delay_s))
        return NULL;
    timer_set(self, now, delay_s);
    Py_RETURN_NONE;
}

static PyObject *
timer_rest(Timer *self, PyObject *Py_UNUSED(at_most_s))
{
    uint64_t rings;
    ssize_t got;
    do {
        Py_BEGIN_ALLOW_THREADS
        got = read(self->file, &rings, sizeof rings);
        Py_END_ALLOW_THREADS
    } while (got < 0 && errno == EINTR && PyErr_CheckSignals() == 0);
    if (PyErr_Occurred())
        return NULL;
    if (got < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    Py_RETURN_NONE;
}

static PyMemberDef timer_members[] = {SECONDS(Timer, due), NO_MORE};

static PyMethodDef timer_methods[] = {
    {"put_off", (PyCFunction)timer_put_off, METH_VARARGS, NULL},
    {"rest", (PyCFunction)timer_rest, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject TimerType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "asyncperf.probe._native.Timer",
    .tp_basicsize = sizeof(Timer),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = timer_new,
    .tp_dealloc = (destructor)timer_dealloc,
    .tp_members = timer_members,
    .tp_methods = timer_methods,
};

typedef struct {
    PyObject_HEAD
    PyObject *clock, *garbage;
    double at, collected_s, process_cpu_s;
    int file; /* the clock's; -1 if it has none, and `reading` stands for it */
    ssize_t size;
    char text[80];
    PyObject *reading;
} Mark;

static int
mark_read(Mark *self)
{
    if (self->file < 0) {
        PyObject *reading = PyObject_CallMethodNoArgs(self->clock, name_raw);
        if (reading != NULL)
            Py_XSETREF(self->reading, reading);
        return reading == NULL ? -1 : 0;
    }
    self->size = pread(self->file, self->text, sizeof self->text, 0);
    if (self->size >= 0)
        return 0;
    self->size = 0;
    PyErr_SetFromErrno(PyExc_OSError);
    return -1;
}

static int
mark_set(Mark *self, double now)
{
    struct timespec used;
    PyObject *collected = PyObject_GetAttr(self->garbage, name_on_loop_s);
    if (collected == NULL)
        return -1;
    self->collected_s = PyFloat_AsDouble(collected);
    Py_DECREF(collected);
    self->at = now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    self->process_cpu_s = (double)used.tv_sec + (double)used.tv_nsec / NS_PER_S;
    return PyErr_Occurred() ? -1 : mark_read(self);
}

static PyObject *
mark_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(named))
{
    PyObject *clock, *garbage;
    if (!PyArg_ParseTuple(args, "OO", &clock, &garbage))
        return NULL;
    PyObject *file = PyObject_GetAttr(clock, name_file);
    if (file == NULL)
        return NULL;
    Mark *self = (Mark *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->clock = Py_NewRef(clock);
        self->garbage = Py_NewRef(garbage);
        self->file = (int)PyLong_AsLong(file);
    }
    Py_DECREF(file);
    if (self != NULL && (PyErr_Occurred() || mark_set(self, 0.0) < 0))
        Py_CLEAR(self);
    return (PyObject *)self;
}

static int
mark_traverse(Mark *self, visitproc visit, void *arg)
{
    Py_VISIT(self->clock);
    Py_VISIT(self->garbage);
    return 0;
}

static int
mark_clear(Mark *self)
{
    Py_CLEAR(self->clock);
    Py_CLEAR(self->garbage);
    return 0;
}

static void
mark_dealloc(Mark *self)
{
    PyObject_GC_UnTrack(self);
    mark_clear(self);
    Py_CLEAR(self->reading);
    Py_TYPE(self)->tp_free(self);
}

static PyObject *
mark_take(Mark *self, PyObject *at)
{
    double now = PyFloat_AsDouble(at);
    if (PyErr_Occurred() || mark_set(self, now) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *
mark_get_reading(Mark *self, void *Py_UNUSED(closure))
{
    return self->file < 0 ? Py_NewRef(self->reading)
                          : PyBytes_FromStringAndSize(self->text, self->size);
}

static PyMemberDef mark_members[] = {
    SECONDS(Mark, at),
    SECONDS(Mark, collected_s),
    SECONDS(Mark, process_cpu_s),
    NO_MORE,
};

static PyGetSetDef mark_getset[] = {
    {"reading", (getter)mark_get_reading, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef mark_methods[] = {
    {"take", (PyCFunction)mark_take, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject MarkType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "asyncperf.probe._native.Mark",
    .tp_basicsize = sizeof(Mark),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = mark_new,
    .tp_traverse = (traverseproc)mark_traverse,
    .tp_clear = (inquiry)mark_clear,
    .tp_dealloc = (destructor)mark_dealloc,
    .tp_members = mark_members,
    .tp_getset = mark_getset,
    .tp_methods = mark_methods,
};

typedef struct {
    PyObject_HEAD
    PyObject *otherwise, *failed, *rows, *seen;
    Mark *mark;
    Timer *timer;
    double tick_s, within_s, more_at;
    long long count;
    unsigned long thread;
    vectorcallfunc call;
} Pulse;

/* Whether any of them has so much in it; -1 with an error. */
static int
any_holds(PyObject *things, Py_ssize_t so_much)
{
    for (Py_ssize_t n = 0; n < PyTuple_GET_SIZE(things); n++) {
        Py_ssize_t size = PyObject_Size(PyTuple_GET_ITEM(things, n));
        if (size < 0 || size >= so_much)
            return size < 0 ? -1 : 1;
    }
    return 0;
}

static int
pulse_beat(Pulse *self, PyObject *at, double now)
{
    int more = now >= self->more_at;
    if (!more)
        more = any_holds(self->seen, 1);
    if (!more)
        more = any_holds(self->rows, BUFFERED);
    if (more < 0)
        return -1;
    if (more) {
        PyObject *done = PyObject_CallOneArg(self->otherwise, at);
        Py_XDECREF(done);
        return done == NULL ? -1 : 0;
    }
    if (mark_set(self->mark, now) < 0)
        return -1;
    timer_set(self->timer, now, self->within_s);
    return 0;
}

static PyObject *
pulse_call(Pulse *self, PyObject *const *args, size_t given, PyObject *named)
{
    if (PyVectorcall_NARGS(given) != 1 || named != NULL) {
        PyErr_SetString(PyExc_TypeError, "Pulse takes a time");
        return NULL;
    }
    double now = PyFloat_AsDouble(args[0]);
    if (now == -1.0 && PyErr_Occurred())
        return NULL;
    if (PyThread_get_thread_ident() != self->thread)
        Py_RETURN_NONE;
    stepping->next_sign = now + self->tick_s;
    self->count++;
    if (pulse_beat(self, args[0], now) == 0)
        Py_RETURN_NONE;
    if (is_interrupted())
        return NULL;
    PyObject *error = PyErr_GetRaisedException();
    PyObject *told = PyObject_CallOneArg(self->failed, error);
    Py_DECREF(error);
    return told;
}

static PyObject *
pulse_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(named))
{
    double tick_s, within_s;
    PyObject *mark, *timer, *rows, *seen;
    if (!PyArg_ParseTuple(args, "ddO!O!O!O!", &tick_s, &within_s, &MarkType, &mark, &TimerType,
                          &timer, &PyTuple_Type, &rows, &PyTuple_Type, &seen))
        return NULL;
    Pulse *self = (Pulse *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->call = (vectorcallfunc)pulse_call;
    self->tick_s = tick_s;
    self->within_s = within_s;
    self->mark = (Mark *)Py_NewRef(mark);
    self->timer = (Timer *)Py_NewRef(timer);
    self->rows = Py_NewRef(rows);
    self->seen = Py_NewRef(seen);
    self->otherwise = Py_NewRef(Py_None);
    self->failed = Py_NewRef(Py_None);
    self->thread = PyThread_get_thread_ident();
    return (PyObject *)self;
}

static int
pulse_traverse(Pulse *self, visitproc visit, void *arg)
{
    Py_VISIT(self->otherwise);
    Py_VISIT(self->failed);
    Py_VISIT(self->rows);
    Py_VISIT(self->seen);
    Py_VISIT(self->mark);
    return 0;
}

static int
pulse_clear(Pulse *self)
{
    Py_CLEAR(self->otherwise);
    Py_CLEAR(self->failed);
    return 0;
}

static void
pulse_dealloc(Pulse *self)
{
    PyObject_GC_UnTrack(self);
    pulse_clear(self);
    Py_CLEAR(self->rows);
    Py_CLEAR(self->seen);
    Py_CLEAR(self->mark);
    Py_CLEAR(self->timer);
    Py_TYPE(self)->tp_free(self);
}

static PyMemberDef pulse_members[] = {
    OBJECT(Pulse, otherwise, 0),
    OBJECT(Pulse, failed, 0),
    NUMBER(Pulse, count),
    SECONDS(Pulse, more_at),
    NO_MORE,
};

static PyTypeObject PulseType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "asyncperf.probe._native.Pulse",
    .tp_basicsize = sizeof(Pulse),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_vectorcall_offset = offsetof(Pulse, call),
    .tp_call = PyVectorcall_Call,
    .tp_new = pulse_new,
    .tp_traverse = (traverseproc)pulse_traverse,
    .tp_clear = (inquiry)pulse_clear,
    .tp_dealloc = (destructor)pulse_dealloc,
    .tp_members = pulse_members,
};
