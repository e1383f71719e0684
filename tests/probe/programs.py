"""Programs that show all that awaits, loops over them and managers can do."""

from .protocol_programs import NOTHING_AWAITED, PROTOCOLS

PRELUDE = """
import asyncio, contextlib, types, sys
log = []
class Ready:
    def __init__(self, value): self.value = value
    def __await__(self):
        log.append(("awaited", type(self.value)))
        if isinstance(self.value, BaseException): raise self.value
        return self.value
        yield
class Slow(Ready):
    def __await__(self):
        yield
        return super().__await__() if False else self.value
@types.coroutine
def old(value):
    got = yield
    log.append(("old", got))
    return value
async def new(value, steps=1):
    for _ in range(steps): await asyncio.sleep(0)
    log.append(("new", value))
    return value
async def bad(error, steps=1):
    try:
        await asyncio.sleep(0)
        raise error
    finally:
        log.append("finally")
class Items:
    def __init__(self, *items): self.items = list(items)
    def __aiter__(self): log.append("aiter"); return self
    async def __anext__(self):
        if not self.items: raise StopAsyncIteration
        item = self.items.pop(0)
        if isinstance(item, BaseException): raise item
        return await new(item)
class Manager:
    def __init__(self, name, swallow=False): self.name, self.swallow = name, swallow
    async def __aenter__(self): log.append(("enter", self.name)); return await new(self.name)
    async def __aexit__(self, kind, error, trace):
        log.append(("exit", self.name, kind, str(error), trace is not None))
        await asyncio.sleep(0)
        return self.swallow
async def count(n):
    try:
        for i in range(n):
            yield await new(i)
    finally:
        log.append("closed")
"""


# What a program is, and the body of its `main`.
PROGRAMS = {
    **PROTOCOLS,
    "values": "return [await new(1), await Ready(2), await Slow(3), await old(4)]",
    "future": "f = asyncio.get_running_loop().create_future(); f.set_result(3); return await f",
    "task": "return await asyncio.create_task(new(3))",
    "order": "return log.append('a'), await new(log.append('b')), log.append('c'), await new(1)",
    "return await": "f = lambda: new(5); return await (await Ready([f]))[0]()",
    "walrus": "return (x := await new(1)) + (await new(x))",
    "f-string": "return f'{await new(1)} {await new(2):>{await new(5)}}'",
    "match": """
match await new((1, 2)):
    case (a, b) if await new(a == 1): return a, b, await new(b)
""",
    "conditional": "return await new(1) if await new(0) else await new(2) or await new(3)",
    "default and decorator": """
def deco(x):
    return lambda f: (x, f)
@deco(await new(1))
def inner(a=await new(2), *, b: await_name = await new(3)): return a, b
return inner[0], inner[1]()
""".replace("b: await_name", "b"),
    "class body": """
class Shop(await new(object)):
    price = 3
    prices = [price, 4]
return Shop.prices
""",
    "lambda": "f = lambda x: new(x); return await f(await new(3))",
    "starred": "return [*await new([1, 2]), *await new((3,))], {**await new({'a': 1})}",
    "delete and assign": """
d = {}
d[await new('k')] = await new(1)
d[await new('k')] += await new(2)
x, *y = await new([1, 2, 3])
del d[await new('k')]
return d, x, y
""",
    "assert": "assert await new(1), await new('no'); assert await new(0), await new('no')",
    "comprehensions": """
a = [x async for x in count(3)]
b = {await new(x) for x in range(3)}
c = {x: y async for x in count(2) async for y in count(x + 1) if await new(True)}
d = [y async for y in (await new(x) async for x in count(2))]
e = [[await new(x) async for x in count(n)] for n in range(3)]
return a, b, c, d, e
""",
    "generator": """
async def gen():
    got = yield await new(1)
    log.append(got)
    yield (await new(got)), (yield 4)
g = gen()
out = [await g.asend(None), await g.asend(7)]
try:
    await g.athrow(ValueError('thrown'))
except ValueError as error: out.append(str(error))
await g.aclose()
return out
""",
    "generator thrown into": """
async def gen():
    try: yield 1
    except KeyError: yield await new('caught')
    finally: await new('last')
g = gen()
await g.__anext__()
r = await g.athrow(KeyError)
await g.aclose()
return r
""",
    "break out of a generator": """
async for x in count(5):
    if x == 2: break
else: log.append('else')
await asyncio.sleep(0); await asyncio.sleep(0)
return x
""",
    "for else": """
async for x in Items(1, 2): continue
else: return await new('else')
""",
    "errors and their context": """
try:
    try: await bad(ValueError('first'))
    except ValueError: await bad(KeyError('second'))
except KeyError as error:
    raise RuntimeError('third') from error
""",
    "error seen while awaiting": """
async def seen(): await asyncio.sleep(0); return repr(sys.exc_info()[1])
try: raise ValueError('mine')
except ValueError: return await seen()
""",
    "system exit": "await bad(SystemExit(3))",
    "stop iteration": "await bad(StopIteration(3))",
    "stop async iteration": "await bad(StopAsyncIteration(3))",
    "exception groups": """
try:
    async with asyncio.TaskGroup() as tg:
        tg.create_task(bad(ValueError(1)))
        tg.create_task(bad(KeyError(2)))
        await asyncio.sleep(10)
except* ValueError as group: log.append([str(e) for e in group.exceptions])
except* KeyError as group: log.append(await new([str(e) for e in group.exceptions]))
""",
    "gather": "return await asyncio.gather(new(1), bad(ValueError('g')), return_exceptions=False)",
    "cancelled task": """
async def work():
    try: await asyncio.sleep(10)
    except asyncio.CancelledError:
        log.append(await new('cleanup')); raise
    finally: await new('end')
t = asyncio.create_task(work(), name='worker')
await asyncio.sleep(0)
log.append((t.cancel('why'), t.get_name(), t.get_coro().__name__))
try: await t
except asyncio.CancelledError as error: log.append((t.cancelled(), t.cancelling()))
""",
    "cancelled before it began": """
t = asyncio.create_task(new(1))
t.cancel()
try: await t
except asyncio.CancelledError: return t.cancelled()
""",
    "refused cancellation": """
async def work():
    try: await asyncio.sleep(10)
    except asyncio.CancelledError: return await new('stayed')
t = asyncio.create_task(work())
await asyncio.sleep(0)
t.cancel()
return await t
""",
    "timeout": """
try:
    async with asyncio.timeout(0.001): await asyncio.sleep(10)
except TimeoutError as error: return repr(error)
""",
    "wait for": "return await asyncio.wait_for(asyncio.shield(new(3, 5)), 5)",
    "driven by hand": """
async def inner(): return await old(await old(1))
c = inner()
log.append(c.send(None)); log.append(c.send('x'))
try: c.send('y')
except StopIteration as stop: return stop.value
""",
    "thrown in and closed by hand": """
async def inner():
    try: await old(1)
    except KeyError: await old(2)
    finally: log.append('left')
c = inner()
c.send(None); c.throw(KeyError('k')); c.close()
d = inner(); d.close()
""",
    "ignores its end": """
async def inner():
    try: await old(1)
    finally: await old(2)
c = inner()
c.send(None)
c.close()
""",
    "exec": """
names = {'new': new}
exec('async def f(): return await new(9)', names)
return await names['f'](), sorted(n for n in names if 'asyncperf' in n)
""",
    "names": "return sorted(n for n in {**globals(), **locals()} if 'asyncperf' in n)",
    "recursion": """
async def deep(n): return n if n == 0 else 1 + await deep(n - 1)
return await deep(300)
""",
    "in threads": """
async def other(): return [await new(1), [x async for x in count(2)]]
return await asyncio.to_thread(asyncio.run, other())
""",
    "contexts": """
import contextvars
v = contextvars.ContextVar('v', default=0)
async def change(n): v.set(n); await asyncio.sleep(0); return v.get()
await change(1)
a = v.get()
b = await asyncio.create_task(change(2))
c = contextvars.copy_context()
d = await asyncio.create_task(change(3), context=c)
return a, b, v.get(), d, c[v]
""",
    "warnings": """
import warnings
async def old_name():
    warnings.warn('use the new one', DeprecationWarning, stacklevel=2)
await old_name()
""",
    "private names": """
class Shop:
    async def __price(self): return 3
    async def buy(self): return await self.__price()
return await Shop().buy()
""",
    "nonlocal and closures": """
total = 0
async def add(n):
    nonlocal total
    total += await new(n)
await asyncio.gather(*(add(n) for n in range(4)))
return total
""",
}


# Those that come to no await, or to none that could be one.
NO_SPANS = {"names", *NOTHING_AWAITED}


def program(body):
    lines = "\n".join("    " + line for line in body.strip().split("\n"))
    return f"{PRELUDE}\nasync def main():\n{lines}\n"
