/* `tables.Rows`, `timeline.Spans` and `timeline.Track`: where records go. */

/* `record_format.SPANS_FILE`, as it lies in the file. */
typedef struct __attribute__((packed)) {
    double start;
    float duration_s;
    uint32_t request;
    uint16_t task, span, parent, site, callee;
    uint8_t outcome;
} SpanRow;

/* Records are packed as they come: no tuple is made of them, nor has the collector any to walk. */
typedef struct {
    PyObject_HEAD
    Py_ssize_t record; /* bytes of one */
    Py_ssize_t used, room;
    char *data;
} Rows;

static PyObject *
rows_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(named))
{
    Py_ssize_t record;
    if (!PyArg_ParseTuple(args, "n", &record))
        return NULL;
    if (record != sizeof(SpanRow) && record != sizeof(RequestRow))
        return PyErr_Format(PyExc_ValueError, "no records of %zd bytes are known here", record);
    Rows *self = (Rows *)type->tp_alloc(type, 0);
    if (self != NULL)
        self->record = record;
    return (PyObject *)self;
}

static void
rows_dealloc(Rows *self)
{
    PyMem_Free(self->data);
    Py_TYPE(self)->tp_free(self);
}

static Py_ssize_t
rows_length(Rows *self)
{
    return self->used / self->record;
}

static int
rows_add(Rows *self, const void *row, size_t size)
{
    if (self->used + (Py_ssize_t)size > self->room) {
        Py_ssize_t room = self->room ? 2 * self->room : 1024 * (Py_ssize_t)size;
        char *data = PyMem_Realloc(self->data, room);
        if (data == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        self->data = data;
        self->room = room;
    }
    memcpy(self->data + self->used, row, size);
    self->used += size;
    return 0;
}

static PyObject *
rows_take(Rows *self, PyObject *Py_UNUSED(none))
{
    PyObject *taken = PyBytes_FromStringAndSize(self->data, self->used);
    if (taken != NULL)
        self->used = 0;
    return taken;
}

static PyMethodDef rows_methods[] = {
    {"take", (PyCFunction)rows_take, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PySequenceMethods rows_sequence = {.sq_length = (lenfunc)rows_length};

static PyTypeObject RowsType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "asyncperf.probe._native.Rows",
    .tp_basicsize = sizeof(Rows),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = rows_new,
    .tp_dealloc = (destructor)rows_dealloc,
    .tp_methods = rows_methods,
    .tp_as_sequence = &rows_sequence,
};

/* Whether these are packed here, records of that size. Others, such as a list, take tuples. */
static int
packs(PyObject *rows, size_t size)
{
    return Py_IS_TYPE(rows, &RowsType) && ((Rows *)rows)->record == (Py_ssize_t)size;
}

/* Of an await, by its place: the code of the coroutine that was awaited there last, which the
   timeline keeps, and what `sites` and `coroutines` say of them. */
typedef struct {
    void *code;
    uint16_t site, callee;
} Known;

typedef struct {
    PyObject_HEAD
    PyObject *rows, *sites, *coroutines;
    long long most_spans, deepest;
    unsigned long thread; /* 0 while it is for any */
    char broken;
    Known *known; /* by place */
    long places;
} Spans;

/* NULL without an error for a place beyond all that are numbered. */
static Known *
known_at(Spans *self, long place)
{
    if (place >= 0 && place < self->places)
        return &self->known[place];
    if (place < 0 || place > MOST)
        return NULL;
    long places = place < 512 ? 1024 : 2 * place;
    Known *more = PyMem_Realloc(self->known, places * sizeof *more);
    if (more == NULL)
        return NULL;
    memset(more + self->places, 0, (places - self->places) * sizeof *more);
    self->known = more;
    self->places = places;
    return &more[place];
}

static int
spans_init(Spans *self, PyObject *args, PyObject *Py_UNUSED(named))
{
    PyObject *rows;
    if (!PyArg_ParseTuple(args, "OLL", &rows, &self->most_spans, &self->deepest))
        return -1;
    Py_XSETREF(self->rows, Py_NewRef(rows));
    Py_XSETREF(self->sites, PyDict_New());
    Py_XSETREF(self->coroutines, PyDict_New());
    return self->sites == NULL || self->coroutines == NULL ? -1 : 0;
}

static int
spans_traverse(Spans *self, visitproc visit, void *arg)
{
    Py_VISIT(self->rows);
    Py_VISIT(self->sites);
    Py_VISIT(self->coroutines);
    return 0;
}

static int
spans_clear(Spans *self)
{
    Py_CLEAR(self->rows);
    Py_CLEAR(self->sites);
    Py_CLEAR(self->coroutines);
    return 0;
}

static void
spans_dealloc(Spans *self)
{
    PyObject_GC_UnTrack(self);
    spans_clear(self);
    PyMem_Free(self->known);
    Py_TYPE(self)->tp_free(self);
}

static int
is_elsewhere(Spans *self)
{
    return self->thread && self->thread != PyThread_get_thread_ident();
}

static PyMemberDef spans_members[] = {
    OBJECT(Spans, rows, READONLY),
    OBJECT(Spans, sites, READONLY),
    OBJECT(Spans, coroutines, READONLY),
    NUMBER(Spans, most_spans),
    NUMBER(Spans, deepest),
    {"thread", T_ULONG, offsetof(Spans, thread), 0, NULL},
    TRUTH(Spans, broken),
    NO_MORE,
};

static PyTypeObject SpansType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "asyncperf.probe._native.Spans",
    .tp_basicsize = sizeof(Spans),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)spans_init,
    .tp_traverse = (traverseproc)spans_traverse,
    .tp_clear = (inquiry)spans_clear,
    .tp_dealloc = (destructor)spans_dealloc,
    .tp_members = spans_members,
};

typedef struct {
    PyObject_HEAD
    Spans *timeline;
    Request *request;
    long long task, open, depth;
} Track;

static PyTypeObject TrackType;

static Track *
track_made(Spans *timeline, Request *request, long long task, long long open)
{
    Track *self = (Track *)TrackType.tp_alloc(&TrackType, 0);
    if (self == NULL)
        return NULL;
    self->timeline = (Spans *)Py_NewRef(timeline);
    self->request = (Request *)Py_NewRef(request);
    self->task = task < MOST ? task : MOST;
    self->open = open;
    return self;
}

static PyObject *
track_new(PyTypeObject *Py_UNUSED(type), PyObject *args, PyObject *Py_UNUSED(named))
{
    PyObject *timeline, *request;
    long long task, open;
    if (!PyArg_ParseTuple(
            args, "O!O!LL", &SpansType, &timeline, &RequestType, &request, &task, &open))
        return NULL;
    return (PyObject *)track_made((Spans *)timeline, (Request *)request, task, open);
}

static int
track_traverse(Track *self, visitproc visit, void *arg)
{
    Py_VISIT(self->timeline);
    Py_VISIT(self->request);
    return 0;
}

static int
track_clear(Track *self)
{
    Py_CLEAR(self->timeline);
    Py_CLEAR(self->request);
    return 0;
}

static void
track_dealloc(Track *self)
{
    PyObject_GC_UnTrack(self);
    track_clear(self);
    Py_TYPE(self)->tp_free(self);
}

static PyObject *
track_child(Track *self, PyObject *task)
{
    long long number = PyLong_AsLongLong(task);
    if (number == -1 && PyErr_Occurred())
        return NULL;
    return (PyObject *)track_made(self->timeline, self->request, number, self->open);
}

static int
track_has_room(Track *self)
{
    Spans *timeline = self->timeline;
    return self->request->spans < timeline->most_spans && self->depth < timeline->deepest
           && !timeline->broken;
}

static PyObject *
track_takes(Track *self, PyObject *Py_UNUSED(none))
{
    if (is_elsewhere(self->timeline))
        Py_RETURN_FALSE;
    if (track_has_room(self))
        Py_RETURN_TRUE;
    self->request->detail += 1;
    Py_RETURN_FALSE;
}

/* A span is over: its record. */
static int
track_close(Track *self, SpanRow *row, double duration_s, long long parent)
{
    Spans *timeline = self->timeline;
    self->open = parent;
    self->depth -= 1;
    if (row->outcome == CANCELLED && is_elsewhere(timeline))
        return 0;
    row->duration_s = (float)duration_s;
    if (packs(timeline->rows, sizeof *row))
        return rows_add((Rows *)timeline->rows, row, sizeof *row);
    PyObject *values = Py_BuildValue("ddIHHHHHB", row->start, duration_s,
        row->request, row->task, row->span, row->parent, row->site, row->callee, row->outcome);
    if (values == NULL)
        return -1;
    PyObject *arguments[] = {timeline->rows, values};
    PyObject *added = PyObject_VectorcallMethod(name_append, arguments, 2, NULL);
    Py_DECREF(values);
    Py_XDECREF(added);
    return added == NULL ? -1 : 0;
}

static PyMethodDef track_methods[] = {
    {"child", (PyCFunction)track_child, METH_O, NULL},
    {"takes", (PyCFunction)track_takes, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef track_members[] = {
    OBJECT(Track, timeline, READONLY),
    OBJECT(Track, request, READONLY),
    NUMBER(Track, task),
    NUMBER(Track, open),
    NUMBER(Track, depth),
    NO_MORE,
};

static PyTypeObject TrackType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "asyncperf.probe._native.Track",
    .tp_basicsize = sizeof(Track),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = track_new,
    .tp_traverse = (traverseproc)track_traverse,
    .tp_clear = (inquiry)track_clear,
    .tp_dealloc = (destructor)track_dealloc,
    .tp_methods = track_methods,
    .tp_members = track_members,
};
