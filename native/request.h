/* `request.Request`: one request, and what it has cost so far. */

/* `record_format.REQUESTS_FILE`, as it lies in the file. */
typedef struct __attribute__((packed)) {
    double sent, start;
    float answered_s, end_s, loop_s;
    uint32_t number;
    uint16_t steps, route, status, detail;
    uint8_t waited;
    float left_s;
} RequestRow;

typedef struct {
    PyObject_HEAD
    long long number, detail, status, steps, trips, spans, tasks;
    double sent, start, answered, loop_s, answer_loop_s, gc_s, counted_until, left_s;
    double pool_wait_s, pool_run_s, resume_s, conn_wait_s, lock_wait_s, thread_conn_wait_s;
    PyObject *server_send, *waiting, *kept;
    char leaving, finished; /* `finished`: the row is whole but for `left_s` */
    RequestRow row;
} Request;

static PyTypeObject RequestType;

static Request *
request_made(long long number, double sent, double start, long long detail)
{
    Request *self = (Request *)RequestType.tp_alloc(&RequestType, 0);
    if (self == NULL)
        return NULL;
    self->number = number;
    self->sent = sent;
    self->start = start;
    self->detail = detail;
    self->server_send = Py_NewRef(nothing_sent);
    self->waiting = Py_NewRef(Py_None);
    self->kept = Py_NewRef(empty);
    return self;
}

static PyObject *
request_new(PyTypeObject *Py_UNUSED(type), PyObject *args, PyObject *named)
{
    static char *names[] = {"number", "sent", "start", "detail", NULL};
    long long number, detail = 0;
    double sent = 0.0, start = 0.0;
    if (!PyArg_ParseTupleAndKeywords(args, named, "L|ddL", names, &number, &sent, &start, &detail))
        return NULL;
    return (PyObject *)request_made(number, sent, start, detail);
}

static int
request_traverse(Request *self, visitproc visit, void *arg)
{
    Py_VISIT(self->server_send);
    Py_VISIT(self->waiting);
    Py_VISIT(self->kept);
    return 0;
}

static int
request_clear(Request *self)
{
    Py_CLEAR(self->server_send);
    Py_CLEAR(self->waiting);
    Py_CLEAR(self->kept);
    return 0;
}

static void
request_dealloc(Request *self)
{
    PyObject_GC_UnTrack(self);
    request_clear(self);
    Py_TYPE(self)->tp_free(self);
}

static PyObject *
request_begin_wait(Request *self, PyObject *wait)
{
    if (is_none(self->waiting))
        Py_XSETREF(self->waiting, Py_NewRef(wait));
    Py_RETURN_NONE;
}

static PyObject *
request_end_wait(Request *self, PyObject *args)
{
    PyObject *wait;
    double asked, ended;
    if (!PyArg_ParseTuple(args, "Odd", &wait, &asked, &ended))
        return NULL;
    if (self->waiting == wait)
        Py_XSETREF(self->waiting, Py_NewRef(Py_None));
    else if (!is_none(self->waiting))
        Py_RETURN_NONE;
    double since = asked > self->counted_until ? asked : self->counted_until;
    if (ended > since)
        self->counted_until = ended;
    return PyFloat_FromDouble(since);
}

/* The end of the answer is about to be handed over. */
static int
request_answers(Request *self)
{
    double now = read_clock();
    self->answered = now;
    double in_step_s = stepping->request == (PyObject *)self ? now - stepping->since : 0.0;
    self->answer_loop_s = self->loop_s + in_step_s;
    if (is_none(stepping->next_turn) || self->leaving)
        return 0;
    self->leaving = 1;
    if (PyList_Size(stepping->leaving) == 0) {
        PyObject *arguments[] = {stepping->left, no_context};
        PyObject *handle = PyObject_Vectorcall(stepping->next_turn, arguments, 1, with_context);
        Py_XDECREF(handle);
        if (handle == NULL)
            return -1;
    }
    return PyList_Append(stepping->leaving, (PyObject *)self);
}

static PyObject *
request_send(Request *self, PyObject *message)
{
    PyObject *kind = item(message, key_type);
    if (kind == NULL)
        return NULL;
    int starts = is_text(kind, key_start);
    int has_body = starts ? 0 : is_text(kind, key_body);
    Py_DECREF(kind);
    if (starts < 0 || has_body < 0)
        return NULL;
    if (starts) {
        PyObject *status = item(message, key_status);
        if (status == NULL)
            return NULL;
        self->status = PyLong_AsLongLong(status);
        Py_DECREF(status);
        if (self->status == -1 && PyErr_Occurred()) { /* the server will say so */
            PyErr_Clear();
            self->status = 0;
        }
    }
    int more = 0;
    if (has_body) {
        PyObject *more_body = find(message, key_more_body);
        more = more_body == NULL ? 0 : PyObject_IsTrue(more_body);
        Py_XDECREF(more_body);
        if (more < 0 || PyErr_Occurred())
            return NULL;
    }
    if (!has_body || more)
        return PyObject_CallOneArg(self->server_send, message);
    if (request_answers(self) < 0)
        return NULL;
    PyObject *sending = PyObject_CallOneArg(self->server_send, message);
    if (sending != NULL && !PyCoro_CheckExact(sending))
        Py_SETREF(sending, PyObject_CallOneArg(passed_on, sending));
    if (sending != NULL)
        Py_XSETREF(stepping->answering, Py_NewRef(sending));
    return sending;
}

static PyMethodDef request_methods[] = {
    {"send", (PyCFunction)request_send, METH_O, NULL},
    {"begin_wait", (PyCFunction)request_begin_wait, METH_O, NULL},
    {"end_wait", (PyCFunction)request_end_wait, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

/* Its method `send`, without a look for it. */
static PyObject *
request_sender(Request *self)
{
    return PyCFunction_New(&request_methods[0], (PyObject *)self);
}

static PyMemberDef request_members[] = {
    NUMBER(Request, number),         NUMBER(Request, detail),
    NUMBER(Request, status),         NUMBER(Request, steps),
    NUMBER(Request, trips),          NUMBER(Request, spans),
    NUMBER(Request, tasks),          SECONDS(Request, sent),
    SECONDS(Request, start),         SECONDS(Request, answered),
    SECONDS(Request, loop_s),        SECONDS(Request, answer_loop_s),
    SECONDS(Request, gc_s),          SECONDS(Request, counted_until),
    SECONDS(Request, left_s),        SECONDS(Request, pool_wait_s),
    SECONDS(Request, pool_run_s),    SECONDS(Request, resume_s),
    SECONDS(Request, conn_wait_s),   SECONDS(Request, lock_wait_s),
    SECONDS(Request, thread_conn_wait_s), OBJECT(Request, server_send, 0),
    OBJECT(Request, waiting, 0),     OBJECT(Request, kept, 0),
    TRUTH(Request, leaving),         NO_MORE,
};

static PyTypeObject RequestType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "asyncperf.probe._native.Request",
    .tp_basicsize = sizeof(Request),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = request_new,
    .tp_traverse = (traverseproc)request_traverse,
    .tp_clear = (inquiry)request_clear,
    .tp_dealloc = (destructor)request_dealloc,
    .tp_methods = request_methods,
    .tp_members = request_members,
};
