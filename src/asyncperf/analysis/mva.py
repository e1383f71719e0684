"""The curve between no load and the ceiling: exact mean value analysis.

A closed network with one class of customers: places where nobody waits (delays), queues
with one server, and queues with several. Mean value analysis builds the network of n
customers from the one of n - 1: who arrives at a queue finds what a customer less would
leave there on average (Reiser and Lavenberg, "Mean-Value Analysis of Closed Multichain
Queuing Networks", JACM 27, 1980).

It is exact for product-form networks: exponential times at first-come first-served
queues, any times at a delay (Baskett, Chandy, Muntz and Palacios, JACM 22, 1975). Times that
vary less wait less: see `prediction`.

In the textbooks the chance that a queue of several servers is empty is what the other
chances leave of 1, which cancels to noise as soon as the servers are busy (Chandy and Sauer,
"Computational Algorithms for Product Form Queueing Networks", CACM 23, 1980). Here it is a
product of ratios, each of two throughputs: the network's, and that of the network without
the queue. No two figures are ever subtracted, so ten thousand customers lose nothing. It
costs a second network for each queue of several servers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from asyncperf.samples import Floats


@dataclass(frozen=True)
class Queue:
    """First come, first served by `servers`; a customer is served `demand_s` in all of its
    visits of one turn."""

    demand_s: float
    servers: int = 1


@dataclass(frozen=True, eq=False)
class Curve:
    """By the number of customers, from 0 on: turns per second, and how long one takes."""

    rate_rps: Floats
    turn_s: Floats


def curve(queues: Sequence[Queue], delay_s: float, customers: int) -> Curve:
    """The network with 0, 1, ... `customers`; `delay_s` is a turn's time at no queue."""
    rate_rps = throughputs(tuple(q for q in queues if q.demand_s > 0), delay_s, customers)
    turn_s = np.full(customers + 1, delay_s + sum(q.demand_s for q in queues))
    turn_s[1:] = np.arange(1, customers + 1) / rate_rps[1:]
    return Curve(rate_rps, turn_s)


# A network with three queues of several servers is solved from seven smaller ones, and each
# of those is part of several larger ones.
@lru_cache(maxsize=64)
def throughputs(queues: tuple[Queue, ...], delay_s: float, customers: int) -> Floats:
    """X(0), ..., X(customers), by mean value analysis.

    For each n: the response time R_k(n) of each queue, by its customers Q_k(n - 1) and, with
    m servers, by the chances p_k(j | n - 1) that j < m of them are busy (Reiser and Lavenberg,
    1980, eq. 3.7; Bolch et al., "Queueing Networks and Markov Chains", 2006, eq. 8.31):

        R_k(n) = d/m (1 + Q_k(n - 1) + sum over j < m - 1 of (m - 1 - j) p_k(j | n - 1))
        X(n)   = n / (Z + sum of R_k(n));  Q_k(n) = X(n) R_k(n)
        p_k(j | n) = d X(n) / j  p_k(j - 1 | n - 1)
        p_k(0 | n) = X(n) / X'(n)  p_k(0 | n - 1), X' being without queue k

    The last one follows from p_k(0 | n) = G'(n) / G(n) and X(n) = G(n - 1) / G(n), with the
    normalising constants G (Bruell, Balbo and Afshari, Performance Evaluation 4, 1984).
    """
    # A queue with a server for each customer is no queue.
    delay_s += sum(q.demand_s for q in queues if q.servers >= customers)
    queues = tuple(q for q in queues if q.servers < customers)
    several = [k for k, queue in enumerate(queues) if queue.servers > 1]
    without = {k: throughputs((*queues[:k], *queues[k + 1 :]), delay_s, customers) for k in several}
    demands = np.array([q.demand_s for q in queues])
    servers = np.array([q.servers for q in queues], dtype=float)
    waiting = np.zeros(len(queues))  # Q_k
    idle = np.zeros(len(queues))  # the sum over j
    chances = {k: np.zeros(queues[k].servers) for k in several}
    shares = {k: np.arange(queues[k].servers - 1, -1, -1.0) for k in several}
    for k in several:
        chances[k][0] = 1.0
        idle[k] = shares[k][0]
    rate_rps = np.zeros(customers + 1)
    for n in range(1, customers + 1):
        response_s = demands / servers * (1 + waiting + idle)
        turn_s = delay_s + float(response_s.sum())
        rate = n / turn_s if turn_s > 0 else np.inf
        rate_rps[n] = rate
        waiting = rate * response_s
        for k in several:
            chance, other = chances[k], without[k][n]
            empty = chance[0] * (rate / other if np.isfinite(other) else 0.0)
            chance[1:] = demands[k] * rate * chance[:-1] / np.arange(1, len(chance))
            chance[0] = empty
            idle[k] = shares[k] @ chance
    return rate_rps


def per_worker(queues: Sequence[Queue], delay_s: float, customers: int, workers: int) -> float:
    """Turns per second of `workers` networks side by side, among which the customers are
    divided as evenly as they can be: a user's connection keeps it with one worker."""
    fewer, more = divmod(customers, workers)
    found = curve(queues, delay_s, fewer + 1).rate_rps
    return float((workers - more) * found[fewer] + more * found[fewer + 1])
