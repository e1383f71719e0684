"""Programs that show how Python awaits, iterates and enters things, and refuses what is none."""

# What a program is, and the body of its `main`.
PROTOCOLS = {
    "error in an iterator": "async for x in Items(1, ValueError('item')): log.append(x)",
    "iterator stops at once": """
class Now:
    def __aiter__(self): return self
    def __anext__(self): raise StopAsyncIteration
async for x in Now(): pass
else: return 'stopped'
""",
    "aiter gives another": """
class Other:
    def __aiter__(self): return count(2)
return [x async for x in Other()]
""",
    "raising aiter": """
class Other:
    def __aiter__(self): raise KeyError('aiter')
async for x in Other(): pass
""",
    "not iterable": "async for x in [1]: pass",
    "aiter without anext": """
class Other:
    def __aiter__(self): return 5
async for x in Other(): pass
""",
    "aiter that is none": """
class Other:
    __aiter__ = None
async for x in Other(): pass
""",
    "anext not awaitable": """
class Other:
    def __aiter__(self): return self
    def __anext__(self): return 5
async for x in Other(): pass
""",
    "methods of the instance do not count": """
class Plain: pass
p = Plain()
p.__aiter__ = lambda: count(1)
p.__aenter__ = p.__aexit__ = lambda *a: new(1)
try:
    async for x in p: pass
except TypeError as error: log.append(str(error))
async with p: pass
""",
    "not awaitable": "await 5",
    "not awaitable, a generator": "await (x for x in [])",
    "await that gives no iterator": """
class Odd:
    def __await__(self): return 5
await Odd()
""",
    "awaited twice": "c = new(1); await c; await c",
    "being awaited": """
async def outer(c): await c
c = bad(ValueError(), 5)
t = asyncio.create_task(outer(c))
await asyncio.sleep(0)
try: await c
except RuntimeError as error: log.append(str(error))
await t
""",
    "managers": """
async with Manager('a') as a, Manager(await new('b')) as b:
    log.append((a, b))
async with Manager('c', swallow=True): await bad(ValueError('swallowed'))
async with Manager('d'): raise KeyError('d')
""",
    "return through a manager": """
for i in range(3):
    async with Manager(i):
        if i == 1: return await new('out')
        continue
""",
    "not a manager": "async with 5: pass",
    "half a manager": """
class Half:
    async def __aenter__(self): log.append('never')
async with Half(): pass
""",
    "enter not awaitable": """
class Odd:
    def __aenter__(self): return 5
    def __aexit__(self, *a): return 6
async with Odd(): pass
""",
    "exit not awaitable": """
class Odd:
    async def __aenter__(self): return 5
    def __aexit__(self, *a): return 6
async with Odd(): raise KeyError(1)
""",
    "exit is found before enter is called": """
class Odd:
    async def __aenter__(self):
        type(self).__aexit__ = None
        return self
    async def __aexit__(self, *a): log.append('the first exit')
async with Odd(): pass
""",
    "methods by descriptors": """
class Odd:
    @staticmethod
    async def __aenter__(): return 'static'
    @classmethod
    async def __aexit__(cls, *a): log.append(cls.__name__)
async with Odd() as x: return x
""",
    "asynccontextmanager": """
@contextlib.asynccontextmanager
async def managed():
    try: yield await new(1)
    except KeyError as error: log.append(await new(str(error)))
async with managed() as x: raise KeyError(x)
""",
    "exit stack": """
async with contextlib.AsyncExitStack() as stack:
    for name in 'ab': await stack.enter_async_context(Manager(name))
    stack.push_async_callback(new, 'callback')
    raise ValueError('in a stack')
""",
}

# Those that come to no await, or to none that could be one.
NOTHING_AWAITED = {
    "aiter that is none",
    "aiter without anext",
    "anext not awaitable",
    "enter not awaitable",
    "half a manager",
    "iterator stops at once",
    "methods of the instance do not count",
    "not a manager",
    "not awaitable",
    "not awaitable, a generator",
    "not iterable",
    "raising aiter",
}
