/* `intake.Intake`: which requests are recorded, and what is written of each. */

typedef struct {
    PyObject_HEAD
    double record_apart_s, detail_apart_s, span_apart_s, spans_apart;
    double idle_until, next_record, paused_until, next_detail;
    long long number, in_flight;
    PyObject *numbers, *timeline;
    Rows *rows;
    /* The route of the last request, for the next is mostly for the same. NULL before the first. */
    PyObject *last_endpoint, *last_method;
    long last_route;
} Intake;

static int
intake_init(Intake *self, PyObject *args, PyObject *Py_UNUSED(named))
{
    double recorded_per_s, detailed_per_s, spans_per_s;
    PyObject *numbers, *rows, *timeline;
    if (!PyArg_ParseTuple(args, "dddO!O!O!", &recorded_per_s, &detailed_per_s, &spans_per_s,
            &PyDict_Type, &numbers, &RowsType, &rows, &SpansType, &timeline))
        return -1;
    if (!packs(rows, sizeof(RequestRow))) {
        PyErr_SetString(PyExc_TypeError, "no rows of requests");
        return -1;
    }
    self->record_apart_s = 1 / recorded_per_s;
    self->detail_apart_s = 1 / detailed_per_s;
    self->span_apart_s = 1 / spans_per_s;
    self->spans_apart = spans_per_s / detailed_per_s;
    self->number = -1;
    Py_XSETREF(self->numbers, Py_NewRef(numbers));
    Py_XSETREF(self->rows, (Rows *)Py_NewRef(rows));
    Py_XSETREF(self->timeline, Py_NewRef(timeline));
    return 0;
}

static int
intake_traverse(Intake *self, visitproc visit, void *arg)
{
    Py_VISIT(self->numbers);
    Py_VISIT(self->rows);
    Py_VISIT(self->timeline);
    Py_VISIT(self->last_endpoint);
    return 0;
}

static int
intake_clear(Intake *self)
{
    Py_CLEAR(self->numbers);
    Py_CLEAR(self->rows);
    Py_CLEAR(self->timeline);
    Py_CLEAR(self->last_endpoint);
    Py_CLEAR(self->last_method);
    return 0;
}

static void
intake_dealloc(Intake *self)
{
    PyObject_GC_UnTrack(self);
    intake_clear(self);
    Py_TYPE(self)->tp_free(self);
}

/* Whether a header's name is ours. -1 with an error. */
static int
is_sent_header(PyObject *name)
{
    if (!PyBytes_CheckExact(name))
        return PyObject_RichCompareBool(name, sent_header, Py_EQ);
    Py_ssize_t size = PyBytes_GET_SIZE(sent_header);
    return PyBytes_GET_SIZE(name) == size
           && memcmp(PyBytes_AS_STRING(name), PyBytes_AS_STRING(sent_header), size) == 0;
}

/* What the last header says, which is ours; the app gets the others. -1 with an error. */
static double
read_sent(PyObject *scope, PyObject *headers, PyObject *last)
{
    double sent = NAN;
    PyObject *value = PySequence_GetItem(last, 1);
    PyObject *others = PySequence_GetSlice(headers, 0, PySequence_Size(headers) - 1);
    if (value != NULL && others != NULL && PyObject_SetItem(scope, key_headers, others) == 0) {
        PyObject *number = PyNumber_Long(value);
        if (number != NULL)
            sent = PyLong_AsDouble(number) / 1e9;
        else if (PyErr_ExceptionMatches(PyExc_ValueError))
            PyErr_Clear();
        Py_XDECREF(number);
    }
    Py_XDECREF(value);
    Py_XDECREF(others);
    return sent;
}

/* When the load engine began it; as `intake.take_sent`. -1 with an error. */
static double
take_sent(PyObject *scope)
{
    PyObject *headers = item(scope, key_headers);
    if (headers == NULL)
        return -1;
    double sent = NAN;
    Py_ssize_t count = is_none(headers) ? 0 : PySequence_Size(headers);
    PyObject *last = count > 0 ? PySequence_GetItem(headers, count - 1) : NULL;
    PyObject *name = last == NULL ? NULL : PySequence_GetItem(last, 0);
    if (name != NULL && is_sent_header(name) > 0)
        sent = read_sent(scope, headers, last);
    Py_XDECREF(name);
    Py_XDECREF(last);
    Py_DECREF(headers);
    return PyErr_Occurred() ? -1 : sent;
}

/* As `Intake.begin`: NULL without an error if it is not to be recorded. */
static Request *
begins(Intake *self, PyObject *scope, double now)
{
    double recorded_at = self->next_record;
    if (now < recorded_at)
        self->paused_until = recorded_at + (TOGETHER - 1) * self->record_apart_s;
    if (now < self->paused_until) {
        if (now >= stepping->next_sign) {
            PyObject *at = PyFloat_FromDouble(now);
            int told = at == NULL ? -1 : tell(stepping->sign, &at, 1);
            Py_XDECREF(at);
            if (told < 0)
                return NULL;
        }
        self->idle_until = fmin(self->paused_until, stepping->next_sign);
        return NULL;
    }
    double unused_since = now - BURST_S;
    self->next_record = fmax(recorded_at, unused_since) + self->record_apart_s;
    PyObject *type = item(scope, key_type);
    if (type == NULL)
        return NULL;
    int http = is_text(type, key_http);
    Py_DECREF(type);
    if (http <= 0)
        return http < 0 ? NULL : request_made(NO_REQUEST, 0.0, 0.0, 0);
    double sent = take_sent(scope);
    if (sent == -1 && PyErr_Occurred())
        return NULL;
    int detail = now >= self->next_detail;
    if (detail)
        self->next_detail = fmax(self->next_detail, unused_since) + self->detail_apart_s;
    self->number += 1;
    self->in_flight += 1;
    return request_made(self->number, sent, now, detail);
}

static PyObject *
intake_begin(Intake *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2)
        return PyErr_Format(PyExc_TypeError, "begin(scope, now)");
    double now = PyFloat_AsDouble(args[1]);
    if (now == -1.0 && PyErr_Occurred())
        return NULL;
    PyObject *request = (PyObject *)begins(self, args[0], now);
    return request == NULL && !PyErr_Occurred() ? Py_NewRef(Py_None) : request;
}

/* The number of a route by what is known of all; -1 with an error. */
static long
look_up_route(Intake *self, PyObject *scope, PyObject *method, PyObject *endpoint)
{
    PyObject *key = is_none(endpoint) ? Py_NewRef(Py_None) : PyTuple_Pack(2, method, endpoint);
    if (key == NULL)
        return -1;
    long number = known(self->numbers, key);
    Py_DECREF(key);
    if (number >= 0 || PyErr_Occurred())
        return number;
    PyObject *arguments[] = {(PyObject *)self, scope};
    PyObject *found = PyObject_VectorcallMethod(name_route, arguments, 2, NULL);
    if (found != NULL)
        number = PyLong_AsLong(found);
    Py_XDECREF(found);
    return number;
}

/* The number of its route; -1 with an error. */
static long
route_of(Intake *self, PyObject *scope)
{
    PyObject *endpoint = find(scope, key_endpoint);
    if (endpoint == NULL && PyErr_Occurred())
        return -1;
    PyObject *method = find(scope, key_method);
    if (method == NULL)
        method = PyErr_Occurred() ? NULL : PyUnicode_FromString("");
    long number = -1;
    if (method != NULL && endpoint != NULL && endpoint == self->last_endpoint
        && is_text(method, self->last_method) > 0)
        number = self->last_route;
    else if (method != NULL)
        number = look_up_route(self, scope, method, endpoint);
    if (number >= 0 && endpoint != self->last_endpoint && is_ascii(method)) {
        Py_XSETREF(self->last_endpoint, Py_XNewRef(endpoint));
        Py_XSETREF(self->last_method, Py_NewRef(method));
        self->last_route = number;
    }
    Py_XDECREF(endpoint);
    Py_XDECREF(method);
    return number;
}

static int
call_method(PyObject *name, PyObject *self, PyObject *first, PyObject *second)
{
    PyObject *arguments[] = {self, first, second};
    PyObject *done = PyObject_VectorcallMethod(name, arguments, second == NULL ? 2 : 3, NULL);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

static int
add_waits(Intake *self, Request *request, double late_s)
{
    PyObject *late = PyFloat_FromDouble(late_s);
    if (late == NULL)
        return -1;
    int done = call_method(name_add_waits, (PyObject *)self, (PyObject *)request, late);
    Py_DECREF(late);
    return done;
}

static uint16_t
small(long long number)
{
    return (uint16_t)(number < 0 ? 0 : number < MOST ? number : MOST);
}

/* As `Intake.finish`, at that time. -1 with an error. */
static int
finishes(Intake *self, Request *request, PyObject *scope, double end)
{
    self->in_flight -= 1;
    if ((double)request->spans > self->spans_apart)
        self->next_detail += (double)request->spans * self->span_apart_s - self->detail_apart_s;
    if (request->number == 0 && call_method(name_first, (PyObject *)self, scope, NULL) < 0)
        return -1;
    double late_s = request->loop_s - request->answer_loop_s;
    if (late_s < LATE_S || request->answered == 0.0)
        late_s = 0.0;
    int waited = late_s || request->counted_until || request->trips || request->gc_s;
    if (waited && add_waits(self, request, late_s) < 0)
        return -1;
    long route = route_of(self, scope);
    if (route < 0)
        return -1;
    double start = request->start;
    request->row = (RequestRow){
        .sent = request->sent,
        .start = start,
        .answered_s = (float)((request->answered ? request->answered : end) - start),
        .end_s = (float)(end - start),
        .loop_s = (float)request->loop_s,
        .number = (uint32_t)request->number,
        .steps = small(request->steps),
        .route = small(route),
        .status = small(request->status),
        .detail = small(request->detail),
        .waited = (uint8_t)waited,
    };
    request->finished = 1;
    if (!request->leaving) {
        request->row.left_s = (float)request->left_s;
        return rows_add(self->rows, &request->row, sizeof request->row);
    }
    return 0;
}

static PyObject *
intake_finish(Intake *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2 || !Py_IS_TYPE(args[0], &RequestType))
        return PyErr_Format(PyExc_TypeError, "finish(request, scope)");
    if (finishes(self, (Request *)args[0], args[1], read_clock()) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* The answer of one that leaves was sent. */
static int
leaves(Intake *self, Request *request, double now)
{
    request->left_s = now - request->answered;
    request->leaving = 0;
    if (!request->finished)
        return 0;
    request->row.left_s = (float)request->left_s;
    return rows_add(self->rows, &request->row, sizeof request->row);
}

static PyObject *
intake_left(Intake *self, PyObject *Py_UNUSED(none))
{
    double now = read_clock();
    PyObject *leaving = stepping->leaving;
    stepping->leaving = PyList_New(0);
    int failed = stepping->leaving == NULL;
    for (Py_ssize_t n = 0; !failed && n < PyList_GET_SIZE(leaving); n++)
        failed = leaves(self, (Request *)PyList_GET_ITEM(leaving, n), now) < 0;
    Py_DECREF(leaving);
    return failed ? NULL : Py_NewRef(Py_None);
}

static PyMethodDef intake_methods[] = {
    {"begin", (PyCFunction)(void (*)(void))intake_begin, METH_FASTCALL, NULL},
    {"finish", (PyCFunction)(void (*)(void))intake_finish, METH_FASTCALL, NULL},
    {"left", (PyCFunction)intake_left, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef intake_members[] = {
    NUMBER(Intake, in_flight),
    SECONDS(Intake, idle_until),
    SECONDS(Intake, next_detail),
    OBJECT(Intake, timeline, READONLY),
    NO_MORE,
};

static PyTypeObject IntakeType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "asyncperf.probe._native.Intake",
    .tp_basicsize = sizeof(Intake),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)intake_init,
    .tp_traverse = (traverseproc)intake_traverse,
    .tp_clear = (inquiry)intake_clear,
    .tp_dealloc = (destructor)intake_dealloc,
    .tp_methods = intake_methods,
    .tp_members = intake_members,
};
