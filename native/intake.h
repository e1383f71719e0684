/* `intake.Intake`: which requests are recorded, and what is written of each. */

typedef struct {
    PyObject_HEAD
    double record_apart_s, detail_apart_s, span_apart_s, spans_apart;
    double idle_until, next_record, paused_until, next_detail;
    long long number, in_flight;
    PyObject *numbers, *timeline;
    Rows *rows;
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
    return 0;
}

static int
intake_clear(Intake *self)
{
    Py_CLEAR(self->numbers);
    Py_CLEAR(self->rows);
    Py_CLEAR(self->timeline);
    return 0;
}

static void
intake_dealloc(Intake *self)
{
    PyObject_GC_UnTrack(self);
    intake_clear(self);
    Py_TYPE(self)->tp_free(self);
}

/* When the load engine began it; as `intake.take_sent`. -1 with an error. */
static double
take_sent(PyObject *scope)
{
    PyObject *headers = PyObject_GetItem(scope, key_headers);
    if (headers == NULL)
        return -1;
    double sent = NAN;
    Py_ssize_t count = PyObject_IsTrue(headers) ? PySequence_Size(headers) : 0;
    PyObject *last = count > 0 ? PySequence_GetItem(headers, count - 1) : NULL;
    PyObject *name = last == NULL ? NULL : PySequence_GetItem(last, 0);
    int is_ours = name == NULL ? 0 : PyObject_RichCompareBool(name, sent_header, Py_EQ);
    if (is_ours > 0) {
        PyObject *value = PySequence_GetItem(last, 1);
        PyObject *others = PySequence_GetSlice(headers, 0, count - 1);
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
    }
    Py_XDECREF(name);
    Py_XDECREF(last);
    Py_DECREF(headers);
    return PyErr_Occurred() ? -1 : sent;
}

static PyObject *
intake_begin(Intake *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2)
        return PyErr_Format(PyExc_TypeError, "begin(scope, now)");
    PyObject *scope = args[0];
    double now = PyFloat_AsDouble(args[1]);
    if (now == -1.0 && PyErr_Occurred())
        return NULL;
    double recorded_at = self->next_record;
    if (now < recorded_at)
        self->paused_until = recorded_at + (TOGETHER - 1) * self->record_apart_s;
    if (now < self->paused_until) {
        if (now >= stepping->next_sign && tell(stepping->sign, &args[1], 1) < 0)
            return NULL;
        self->idle_until = fmin(self->paused_until, stepping->next_sign);
        Py_RETURN_NONE;
    }
    double unused_since = now - BURST_S;
    self->next_record = fmax(recorded_at, unused_since) + self->record_apart_s;
    PyObject *type = PyObject_GetItem(scope, key_type);
    if (type == NULL)
        return NULL;
    int http = PyObject_RichCompareBool(type, key_http, Py_EQ);
    Py_DECREF(type);
    if (http <= 0)
        return http < 0 ? NULL : (PyObject *)request_made(NO_REQUEST, 0.0, 0.0, 0);
    double sent = take_sent(scope);
    if (sent == -1 && PyErr_Occurred())
        return NULL;
    int detail = now >= self->next_detail;
    if (detail)
        self->next_detail = fmax(self->next_detail, unused_since) + self->detail_apart_s;
    self->number += 1;
    self->in_flight += 1;
    return (PyObject *)request_made(self->number, sent, now, detail);
}

/* The number of its route; -1 with an error. */
static long
route_of(Intake *self, PyObject *scope)
{
    long number = -1;
    PyObject *endpoint = find(scope, key_endpoint);
    if (is_none(endpoint)) {
        if (!PyErr_Occurred())
            number = known(self->numbers, Py_None);
    } else {
        PyObject *method = find(scope, key_method);
        if (method == NULL && !PyErr_Occurred())
            method = PyUnicode_FromString("");
        PyObject *key = method == NULL ? NULL : PyTuple_Pack(2, method, endpoint);
        if (key != NULL)
            number = known(self->numbers, key);
        Py_XDECREF(method);
        Py_XDECREF(key);
    }
    Py_XDECREF(endpoint);
    if (number >= 0 || PyErr_Occurred())
        return number;
    PyObject *arguments[] = {(PyObject *)self, scope};
    PyObject *found = PyObject_VectorcallMethod(name_route, arguments, 2, NULL);
    if (found != NULL)
        number = PyLong_AsLong(found);
    Py_XDECREF(found);
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

static PyObject *
intake_finish(Intake *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2 || !Py_IS_TYPE(args[0], &RequestType))
        return PyErr_Format(PyExc_TypeError, "finish(request, scope)");
    double end = read_clock();
    Request *request = (Request *)args[0];
    PyObject *scope = args[1];
    self->in_flight -= 1;
    if ((double)request->spans > self->spans_apart)
        self->next_detail += (double)request->spans * self->span_apart_s - self->detail_apart_s;
    if (request->number == 0 && call_method(name_first, (PyObject *)self, scope, NULL) < 0)
        return NULL;
    double late_s = request->loop_s - request->answer_loop_s;
    if (late_s < LATE_S || request->answered == 0.0)
        late_s = 0.0;
    int waited = late_s || request->counted_until || request->trips || request->gc_s;
    if (waited && add_waits(self, request, late_s) < 0)
        return NULL;
    long route = route_of(self, scope);
    if (route < 0)
        return NULL;
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
        if (rows_add(self->rows, &request->row, sizeof request->row) < 0)
            return NULL;
    }
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

/* `boundary.recorded`: all of a request. */
static PyObject *
recorded_request(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count)
{
    if (count != 7 || !PyObject_TypeCheck(args[1], &IntakeType))
        return PyErr_Format(PyExc_TypeError,
            "recorded(app, worker, request, scope, receive, send, failed)");
    PyObject *worker = args[1], *request = args[2];
    if (!Py_IS_TYPE(request, &RequestType))
        return PyErr_Format(PyExc_TypeError, "not a request");
    Track *track = NULL;
    if (((Request *)request)->detail) {
        track = track_made((Spans *)((Intake *)worker)->timeline, (Request *)request, 0, NO_SPAN);
        if (track == NULL)
            return NULL;
    }
    Timed *self = timed_made(request, (PyObject *)track);
    Py_XDECREF(track);
    if (self == NULL)
        return NULL;
    Py_XSETREF(((Request *)request)->server_send, Py_NewRef(args[5]));
    self->app = Py_NewRef(args[0]);
    self->worker = Py_NewRef(worker);
    self->scope = Py_NewRef(args[3]);
    self->receive = Py_NewRef(args[4]);
    self->failed = Py_NewRef(args[6]);
    return (PyObject *)self;
}
