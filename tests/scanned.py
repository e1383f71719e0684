"""A scan by hand, for what is made of one."""

from asyncperf.sites import BlockingCall, Problem, Scan, ScanResult, Site, SourceFinding, Step

SOURCE = """\
import time

async def load(key):
    user = await fetch_user(key)
    orders = await fetch_orders(key)
    news = await fetch_news()
    return user, orders, news

async def wait():
    nap()

def nap():
    time.sleep(1)
"""
FILE = "shop/main.py"
RUN = Site(
    FILE, 4, 4, (4, 5, 6), "load", "run", "independent", "None uses what another gives.", "overlap"
)
PAIR = Site(FILE, 4, 4, (4, 5), "load", "pair", "independent", "Both read.", "overlap")
GUARDED = Site(
    *(FILE, 5, 4, (5, 6), "load", "pair", "dependent", "`orders` is a guard.", "none"),
    fact_file=FILE,
    fact_line=5,
)
NAP = BlockingCall(
    *(FILE, 13, 4, "time.sleep", "sleep"),
    chain=(Step(FILE, 10, "wait"), Step(FILE, 13, "nap")),
    endpoints=("GET /wait",),
)


def lines_of(file: str, source: str = SOURCE) -> list[str]:
    return source.splitlines() if file == FILE else []


def scan_of(*sites: Site, blocking: tuple[BlockingCall, ...] = (), files: int = 1) -> Scan:
    return Scan("/srv/shop", files, 13, sites, (), blocking)


def result_of(
    scan: Scan, findings: tuple[SourceFinding, ...], *problems: Problem, stale: int = 0
) -> ScanResult:
    return ScanResult(scan, "/srv/shop", findings, problems, stale)
