/* `sampler.Sampler`: at what the thread that made it is, at random moments while it computes.

   A thread of Python's could not tell: it waits for Python's lock, and the other one gives that
   away where it sends or waits, so it would be found there and nowhere else. This one has no part
   in the lock. It asks Python to call it back between two instructions of the main thread, as
   signals are. Python has no way to that, so this has no twin. */

#include <pthread.h>
#include <stdatomic.h>

#if PY_VERSION_HEX < 0x030D0000
#define Py_BUILD_CORE
#undef _PyGC_FINALIZED /* which is made anew there */
#include "internal/pycore_interp.h"
#endif

/* A thread that was off its CPU for longer, since it was asked, has slept, or did when it was asked:
   what it woke to is not what it was at. */
#define SLEPT_NS 50000
/* Whoever has run less than this share of the time is not asked. */
#define IDLE 0.1

typedef struct {
    PyObject_HEAD
    PyObject *take;
    double apart_s; /* between two samples, in the mean */
    clockid_t clock; /* CPU time of the thread */
    pthread_t thread;
    unsigned int seed;
    atomic_int running, asked;
    int64_t asked_ns, used_ns;
} Sampler;

static int64_t
nanoseconds(clockid_t clock)
{
    struct timespec at;
    if (clock_gettime(clock, &at) < 0)
        return 0;
    return at.tv_sec * INT64_C(1000000000) + at.tv_nsec;
}

static void
rest(int64_t ns)
{
    struct timespec time = {ns / 1000000000, ns % 1000000000};
    nanosleep(&time, NULL);
}

/* Called by the main thread, with Python's lock. */
static int
sampler_take(void *given)
{
    Sampler *self = given;
    int64_t now_ns = nanoseconds(CLOCK_MONOTONIC);
    int64_t ran_ns = nanoseconds(self->clock) - self->used_ns;
    int slept = now_ns - self->asked_ns - ran_ns > SLEPT_NS;
    atomic_store(&self->asked, 0);
    if (slept || !atomic_load(&self->running))
        return 0;
    PyObject *at = PyFloat_FromDouble((double)now_ns / NS_PER_S);
    PyObject *done = at == NULL ? NULL : PyObject_CallOneArg(self->take, at);
    Py_XDECREF(at);
    Py_XDECREF(done);
    if (done == NULL && is_interrupted())
        return -1;
    PyErr_Clear();
    return 0;
}

/* Until 3.12 the main thread does not notice what another one asks for, until something else makes
   it look: it is told here, as a thread that waits for Python's lock tells it. -1 if it has too
   much to do already. */
static int
call_back(Sampler *self)
{
    if (Py_AddPendingCall(sampler_take, self) < 0)
        return -1;
#if PY_VERSION_HEX < 0x030D0000
    _Py_atomic_store_relaxed(&PyInterpreterState_Main()->ceval.eval_breaker, 1);
#endif
    return 0;
}

static void *
sampler_run(void *given)
{
    Sampler *self = given;
    int64_t at_ns = 0, used_ns = 0;
    while (atomic_load(&self->running)) {
        double varied = 0.5 + rand_r(&self->seed) / (RAND_MAX + 1.0);
        rest((int64_t)(self->apart_s * varied * NS_PER_S));
        int64_t before_ns = used_ns, since_ns = at_ns;
        used_ns = nanoseconds(self->clock);
        at_ns = nanoseconds(CLOCK_MONOTONIC);
        if (used_ns - before_ns < IDLE * (at_ns - since_ns) || atomic_load(&self->asked))
            continue;
        self->used_ns = used_ns;
        self->asked_ns = at_ns;
        atomic_store(&self->asked, 1);
        if (call_back(self) < 0)
            atomic_store(&self->asked, 0);
    }
    return NULL;
}

static PyObject *
sampler_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(named))
{
    PyObject *take;
    double apart_s;
    if (!PyArg_ParseTuple(args, "Od", &take, &apart_s))
        return NULL;
    Sampler *self = (Sampler *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->take = Py_NewRef(take);
    self->apart_s = apart_s;
    self->seed = (unsigned int)nanoseconds(CLOCK_MONOTONIC);
    int failed = pthread_getcpuclockid(pthread_self(), &self->clock);
    if (failed == 0) {
        /* Python may call back until it ends: it keeps this for good. */
        Py_INCREF(self);
        atomic_store(&self->running, 1);
        failed = pthread_create(&self->thread, NULL, sampler_run, self);
    }
    if (failed == 0)
        return (PyObject *)self;
    Py_CLEAR(self->take);
    Py_DECREF(self);
    errno = failed;
    return PyErr_SetFromErrno(PyExc_OSError);
}

static PyObject *
sampler_stop(Sampler *self, PyObject *Py_UNUSED(nothing_given))
{
    if (atomic_exchange(&self->running, 0)) {
        Py_BEGIN_ALLOW_THREADS
        pthread_join(self->thread, NULL);
        Py_END_ALLOW_THREADS
    }
    Py_RETURN_NONE;
}

static PyMethodDef sampler_methods[] = {
    {"stop", (PyCFunction)sampler_stop, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject SamplerType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "asyncperf.probe._native.Sampler",
    .tp_basicsize = sizeof(Sampler),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = sampler_new,
    .tp_methods = sampler_methods,
};
