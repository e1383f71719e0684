/* `awaits.span`: one await. */

typedef struct {
    RUNS;
    Track *track;
    long long number, parent;
    double start;
    uint16_t site, callee;
    char is_step; /* of an iterator, which returns by StopAsyncIteration */
} Span;

static PyTypeObject SpanType;

static int
span_begins(Span *self)
{
    Track *track = self->track;
    self->number = track->request->spans++;
    self->parent = track->open;
    track->open = self->number;
    track->depth += 1;
    self->start = read_clock();
    PyObject *awaitable = self->inner;
    self->inner = runs(awaitable);
    Py_DECREF(awaitable);
    return self->inner == NULL ? -1 : 0;
}

static enum outcome
outcome_of(Span *self, PyObject *error)
{
    if (error == NULL)
        return RETURNED;
    if (self->is_step && PyErr_GivenExceptionMatches(error, PyExc_StopAsyncIteration))
        return RETURNED;
    if (PyErr_GivenExceptionMatches(error, cancelled_error)
        || PyErr_GivenExceptionMatches(error, PyExc_GeneratorExit))
        return CANCELLED;
    return RAISED;
}

/* It is over, with an error or without. */
static void
span_ends(Span *self, PySendResult how)
{
    double last_s = read_clock() - self->start;
    Track *track = self->track;
    PyObject *error = how == PYGEN_ERROR ? PyErr_GetRaisedException() : NULL;
    SpanRow row = {
        .start = self->start,
        .request = (uint32_t)track->request->number,
        .task = (uint16_t)track->task,
        .span = (uint16_t)self->number,
        .parent = (uint16_t)(self->parent == NO_SPAN ? self->number : self->parent),
        .site = self->site,
        .callee = self->callee,
        .outcome = (uint8_t)outcome_of(self, error),
    };
    self->state = DONE;
    Py_CLEAR(self->inner);
    if (track_close(track, &row, last_s, self->parent) < 0)
        PyErr_WriteUnraisable((PyObject *)track);
    if (error != NULL)
        PyErr_SetRaisedException(error);
}

static PySendResult
span_go_on(Span *self, Turn turn, PyObject **result)
{
    *result = NULL;
    if (!may_go_on((Runner *)self, turn))
        return PYGEN_ERROR;
    PySendResult how = PYGEN_ERROR;
    int begins = self->state == CREATED;
    self->state = RUNNING;
    if (!begins || span_begins(self) == 0)
        how = go_on(self->inner, turn, result);
    if (how == PYGEN_NEXT)
        self->state = SUSPENDED;
    else
        span_ends(self, how);
    return how;
}

static int
span_traverse(Span *self, visitproc visit, void *arg)
{
    Py_VISIT(self->inner);
    Py_VISIT(self->track);
    return 0;
}

static int
span_clear(Span *self)
{
    Py_CLEAR(self->inner);
    Py_CLEAR(self->track);
    return 0;
}

static PyObject *
span_made(Track *track, PyObject *awaitable, long site, long callee, int is_step)
{
    Span *self = (Span *)SpanType.tp_alloc(&SpanType, 0);
    if (self == NULL)
        return NULL;
    self->inner = Py_NewRef(awaitable);
    self->track = (Track *)Py_NewRef(track);
    self->site = (uint16_t)site;
    self->callee = (uint16_t)callee;
    self->is_step = (char)is_step;
    return (PyObject *)self;
}
