/* What all parts of the accelerator share. Each type is the twin of a class in Python of the
   same name, which says what it is for; the comments here say what C adds to that. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <structmember.h>
#include <time.h>

#ifdef Py_GIL_DISABLED
#error "All of this relies on Python's lock."
#endif
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Records are packed as they lie in memory, and files are little-endian."
#endif

/* As in accelerator.py. */
#define INTERFACE 4
/* As in request.py, intake.py, tables.py and record_format.py; a test compares them. */
#define LONG_S 0.02
#define LATE_S 0.0005
#define BURST_S 4.0
#define TOGETHER 8
#define BUFFERED 1024
#define MOST 0xFFFF
#define NO_REQUEST 0xFFFFFFFFLL
#define NO_SPAN (-1)

enum outcome { RETURNED, RAISED, CANCELLED };

/* Python functions that are called where there is no hurry (`lend`). */
static PyObject *passed_on, *recorded;

static PyObject *cancelled_error, *no_context, *nothing_sent;
static PyObject *key_type, *key_status, *key_body, *key_more_body, *key_start, *key_headers,
    *key_endpoint, *key_method, *key_http, *key_create_task, *empty, *sent_header;
static PyObject *name_throw, *name_close, *name_made, *name_fail, *name_watched, *name_route,
    *name_first, *name_add_waits, *name_append, *name_cr_await, *name_raw, *name_file,
    *name_on_loop_s;
static PyObject *with_context; /* names of keyword arguments */

static inline int
is_none(PyObject *value)
{
    return value == NULL || value == Py_None;
}

static int
is_ascii(PyObject *value)
{
    return PyUnicode_CheckExact(value) && PyUnicode_IS_COMPACT_ASCII(value);
}

/* Whether it is that text, which is ASCII; what comes with a request is mostly not interned. -1
   with an error. */
static int
is_text(PyObject *value, PyObject *text)
{
    if (value == text)
        return 1;
    if (!is_ascii(value))
        return PyObject_RichCompareBool(value, text, Py_EQ);
    Py_ssize_t length = PyUnicode_GET_LENGTH(text);
    return PyUnicode_GET_LENGTH(value) == length
           && memcmp(PyUnicode_1BYTE_DATA(value), PyUnicode_1BYTE_DATA(text), length) == 0;
}

/* 3.12 has these two, and deprecates what 3.11 has instead. */
#if PY_VERSION_HEX < 0x030C0000
static PyObject *
PyErr_GetRaisedException(void)
{
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    if (type == NULL)
        return NULL;
    PyErr_NormalizeException(&type, &value, &trace);
    if (trace != NULL)
        PyException_SetTraceback(value, trace);
    Py_DECREF(type);
    Py_XDECREF(trace);
    return value;
}

static void
PyErr_SetRaisedException(PyObject *error)
{
    PyObject *type = error == NULL ? NULL : Py_NewRef((PyObject *)Py_TYPE(error));
    PyErr_Restore(type, error, error == NULL ? NULL : PyException_GetTraceback(error));
}
#endif

/* A mapping's value, NULL without an error where it has none. */
static PyObject *
find(PyObject *mapping, PyObject *key)
{
    if (PyDict_CheckExact(mapping))
        return Py_XNewRef(PyDict_GetItemWithError(mapping, key));
    PyObject *found = PyObject_GetItem(mapping, key);
    if (found == NULL && PyErr_ExceptionMatches(PyExc_KeyError))
        PyErr_Clear();
    return found;
}

/* The number of something, -1 if it has none. */
static long
known(PyObject *numbers, PyObject *key)
{
    PyObject *number = PyDict_GetItemWithError(numbers, key);
    return number == NULL ? -1 : PyLong_AsLong(number);
}

/* A mapping's value; NULL with an error where it has none. */
static PyObject *
item(PyObject *mapping, PyObject *key)
{
    PyObject *found = find(mapping, key);
    if (found == NULL && !PyErr_Occurred())
        PyErr_SetObject(PyExc_KeyError, key);
    return found;
}

/* Whether what was raised is none of the probe's own failures: a signal came while it was at work,
   and its handler raised `KeyboardInterrupt`, or `SystemExit`. */
static int
is_interrupted(void)
{
    return PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_Exception);
}

/* Tell who wants to know; a failure of theirs is none of the app's. -1 with an error if a signal
   interrupted that. */
static int
tell(PyObject *whom, PyObject *const *what, size_t count)
{
    if (is_none(whom))
        return 0;
    PyObject *answer = PyObject_Vectorcall(whom, what, count, NULL);
    Py_XDECREF(answer);
    if (answer != NULL)
        return 0;
    if (is_interrupted())
        return -1;
    PyErr_WriteUnraisable(whom);
    return 0;
}

/* Raise an error again that something else may have come after: then that one is raised, and this
   is its context, as where Python leaves a `finally`. */
static void
raise_before(PyObject *error)
{
    PyObject *later = PyErr_GetRaisedException();
    if (later == NULL) {
        PyErr_SetRaisedException(error);
        return;
    }
    PyException_SetContext(later, error);
    PyErr_SetRaisedException(later);
}
