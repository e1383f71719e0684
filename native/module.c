/* The probe's hot parts: what every request in detail goes through, without Python's frames. All
   in one translation unit, so that the compiler sees through the calls from part to part. */

#include "common.h"
#include "stepping.h"
#include "request.h"
#include "records.h"
#include "intake.h"
#include "boundary.h"
#include "runner.h"
#include "timed.h"
#include "span.h"
#include "awaiting.h"
#include "pulse.h"
#include "sampler.h"

static PyObject *
nothing(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(args))
{
    Py_RETURN_NONE;
}

/* What is called where there is no hurry. */
static PyObject *
lend(PyObject *Py_UNUSED(module), PyObject *args, PyObject *named)
{
    static char *names[] = {"passed_on", "recorded", NULL};
    PyObject *sends = passed_on, *slowly = recorded;
    if (!PyArg_ParseTupleAndKeywords(args, named, "|$OO", names, &sends, &slowly))
        return NULL;
    Py_XSETREF(passed_on, Py_XNewRef(sends));
    Py_XSETREF(recorded, Py_XNewRef(slowly));
    Py_RETURN_NONE;
}

static PyMethodDef module_methods[] = {
    {"awaited", (PyCFunction)(void (*)(void))awaited, METH_FASTCALL, NULL},
    {"lend", (PyCFunction)(void (*)(void))lend, METH_VARARGS | METH_KEYWORDS, NULL},
    {"nothing", nothing, METH_VARARGS, NULL},
    {"span", span, METH_VARARGS, NULL},
    {"timed", (PyCFunction)(void (*)(void))timed, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_native",
    .m_size = -1,
    .m_methods = module_methods,
};

static int
make_names(void)
{
    const struct {
        PyObject **name;
        const char *text;
    } names[] = {
        {&key_type, "type"},
        {&key_status, "status"},
        {&key_body, "http.response.body"},
        {&key_more_body, "more_body"},
        {&key_start, "http.response.start"},
        {&key_headers, "headers"},
        {&key_endpoint, "endpoint"},
        {&key_method, "method"},
        {&key_http, "http"},
        {&key_create_task, "create_task"},
        {&name_throw, "throw"},
        {&name_close, "close"},
        {&name_made, "_made"},
        {&name_fail, "_fail"},
        {&name_watched, "_watched"},
        {&name_route, "_route"},
        {&name_first, "_first"},
        {&name_add_waits, "_add_waits"},
        {&name_append, "append"},
        {&name_cr_await, "cr_await"},
        {&name_raw, "raw"},
        {&name_file, "file"},
        {&name_on_loop_s, "on_loop_s"},
    };
    for (size_t n = 0; n < Py_ARRAY_LENGTH(names); n++) {
        *names[n].name = PyUnicode_InternFromString(names[n].text);
        if (*names[n].name == NULL)
            return -1;
    }
    empty = PyTuple_New(0);
    sent_header = PyBytes_FromString("x-asyncperf-sent");
    with_context = Py_BuildValue("(s)", "context");
    no_context = PyContext_New();
    return empty == NULL || sent_header == NULL || with_context == NULL || no_context == NULL ? -1
                                                                                           : 0;
}

static PyObject *
found_in(const char *module_name, const char *name)
{
    PyObject *module = PyImport_ImportModule(module_name);
    PyObject *found = module == NULL ? NULL : PyObject_GetAttrString(module, name);
    Py_XDECREF(module);
    return found;
}

/* What all copies of the module share: it may be imported as a part of two packages. */
static int
make_shared(void)
{
    if (stepping != NULL)
        return 0;
    PyTypeObject *types[] = {&SteppingType, &RequestType, &RowsType, &SpansType,
                             &TrackType,    &TimedType,   &SpanType, &IntakeType,
                             &PassageType,  &TimerType,   &MarkType, &PulseType,
                             &SamplerType};
    for (size_t n = 0; n < Py_ARRAY_LENGTH(types); n++)
        if (PyType_Ready(types[n]) < 0)
            return -1;
    if (make_names() < 0 || find_getters() < 0)
        return -1;
    perf_counter = found_in("time", "perf_counter");
    cancelled_error = found_in("asyncio.exceptions", "CancelledError");
    if (perf_counter == NULL || cancelled_error == NULL)
        return -1;
    stepping = (Stepping *)stepping_new(&SteppingType, NULL, NULL);
    return stepping == NULL ? -1 : 0;
}

PyMODINIT_FUNC
PyInit__native(void)
{
    if (make_shared() < 0)
        return NULL;
    PyObject *module = PyModule_Create(&module_definition);
    if (module == NULL)
        return NULL;
    Py_XSETREF(nothing_sent, PyObject_GetAttrString(module, "nothing"));
    if (nothing_sent == NULL || PyModule_AddIntMacro(module, INTERFACE) < 0
        || PyModule_AddIntMacro(module, TOGETHER) < 0
        || PyModule_AddIntMacro(module, BUFFERED) < 0 || PyModule_AddIntMacro(module, MOST) < 0
        || PyModule_AddObject(module, "LONG_S", PyFloat_FromDouble(LONG_S)) < 0
        || PyModule_AddObject(module, "LATE_S", PyFloat_FromDouble(LATE_S)) < 0
        || PyModule_AddObject(module, "BURST_S", PyFloat_FromDouble(BURST_S)) < 0
        || PyModule_AddObjectRef(module, "STEPPING", (PyObject *)stepping) < 0
        || PyModule_AddType(module, &SteppingType) < 0
        || PyModule_AddType(module, &RequestType) < 0 || PyModule_AddType(module, &RowsType) < 0
        || PyModule_AddType(module, &SpansType) < 0 || PyModule_AddType(module, &TrackType) < 0
        || PyModule_AddType(module, &IntakeType) < 0
        || PyModule_AddType(module, &PassageType) < 0
        || PyModule_AddType(module, &TimerType) < 0 || PyModule_AddType(module, &MarkType) < 0
        || PyModule_AddType(module, &PulseType) < 0
        || PyModule_AddType(module, &SamplerType) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
