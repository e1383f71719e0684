/* What runs something else, step by step (`timed.h`, `span.h`). It has no frame of its own, so it
   stands in no traceback. */

enum state { CREATED, SUSPENDED, RUNNING, DONE };

#define RUNS                                                                                      \
    PyObject_HEAD PyObject *inner; /* what it runs */                                             \
    enum state state

typedef struct {
    RUNS;
} Runner;

/* How somebody goes on with a runner: `what` is sent, or raised in it; it is closed if NULL. */
typedef struct {
    PyObject *what;
    int raised;
} Turn;

/* `cr_await`, without a look through the type for it (`find_getters`). */
static getter awaited_by;

static int
find_getters(void)
{
    PyObject *found = PyObject_GetAttr((PyObject *)&PyCoro_Type, name_cr_await);
    if (found != NULL && Py_IS_TYPE(found, &PyGetSetDescr_Type))
        awaited_by = ((PyGetSetDescrObject *)found)->d_getset->get;
    else if (found != NULL)
        PyErr_SetString(PyExc_ImportError, "coroutines are otherwise than is known here");
    Py_XDECREF(found);
    return awaited_by == NULL ? -1 : 0;
}

/* What runs, as `await` finds it. */
static PyObject *
runs(PyObject *awaitable)
{
    if (PyCoro_CheckExact(awaitable)) {
        PyObject *awaits = awaited_by(awaitable, NULL);
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

/* As it came, without what happens to be handled meanwhile as its context. */
static void
raise(PyObject *error)
{
    PyErr_SetRaisedException(Py_NewRef(error));
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
