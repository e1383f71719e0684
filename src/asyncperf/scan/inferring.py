"""Calls that annotations do not explain, taken as a type checker explains them, where one is
asked. For `scan` only."""

import ast

from asyncperf.scan import catalogue, catalogue_names, library
from asyncperf.scan.index import Class, Function
from asyncperf.scan.inference import Inference, Target
from asyncperf.scan.instantiation import Instantiation
from asyncperf.scan.named_objects import is_telling
from asyncperf.scan.syntax import spelling
from asyncperf.scan.values import Callee, Value, bare, is_unknown

MAX_NAMESAKES = 6  # of more classes, nobody can tell which is meant


class Inferring(Instantiation):
    def inferred(self, func: ast.expr, receiver: Value, value: Value, awaited: bool) -> Value:
        """`value`, which `func` was found to be, or what a checker says that it is."""
        checker = self.analyst.inference
        if (checker is None and not awaited) or not _is_in_question(func, value, awaited):
            return value
        if checker is None:
            return self._by_namesake(func, receiver, value, awaited)
        found = self._by_receiver(checker, func, receiver, awaited)
        found = found or self._by_name(checker, func, receiver, awaited)
        checker.count(self.module, func, found is not None)
        return found or self._by_namesake(func, receiver, value, awaited)

    def _by_namesake(self, func: ast.expr, receiver: Value, value: Value, awaited: bool) -> Value:
        """As if an object of which nothing is known were of one of the classes that have such a
        method, where its name says enough."""
        if not (awaited and isinstance(func, ast.Attribute)) or value.callees[1:]:
            return value
        if not all(is_unknown(callee) for callee in value.callees) or not is_telling(func.attr):
            return value
        methods = [m for m in self.declarations.named(func.attr) if m.is_async]
        own = [m for m in methods if not self.declarations.is_abstract(m)]
        if not own or len(methods) > MAX_NAMESAKES:
            return value
        return Value(value.places, callees=tuple(Callee(m, bare(receiver)) for m in own))

    def _by_receiver(
        self, checker: Inference, func: ast.expr, receiver: Value, awaited: bool
    ) -> Value | None:
        """As if the object of a method had been annotated: what its class and its heirs define."""
        if not isinstance(func, ast.Attribute) or _is_class(receiver):
            return None
        types = checker.types(self.module, func.value)
        if not types:
            return None
        found = self.attribute(Value(receiver.places, types), func.attr, func)
        return found if _is_explained(found, awaited) else None

    def _by_name(
        self, checker: Inference, func: ast.expr, receiver: Value, awaited: bool
    ) -> Value | None:
        callees = [
            callee
            for target in checker.callees(self.module, func)
            for callee in self._meant(target, receiver)
        ]
        found = Value(callees=tuple(dict.fromkeys(callees)))
        return found if _is_explained(found, awaited) else None

    def _meant(self, target: Target, receiver: Value) -> list[Callee]:
        if isinstance(target, Class):
            return [Callee(target)]
        if not isinstance(target, Function):
            return [Callee(target.dotted, bare(receiver) if target.is_method else None)]
        if target.owner is None:
            return [] if target.outer is not None else [Callee(target)]  # closures have no names
        methods = self.declarations.methods(target.owner, target.name)
        is_bound = not _is_class(receiver) or self.declarations.is_class_method(target)
        return [Callee(method, bare(receiver) if is_bound else None) for method in methods]


def _is_in_question(func: ast.expr, value: Value, awaited: bool) -> bool:
    """Whether the walk would have to presume what `func` does. Parameters are known where they
    are given, and methods of unknown objects that are named as those of containers are taken for
    such."""
    callees = [callee for callee in value.callees if not is_unknown(callee)]
    if callees:
        return awaited and not any(_is_known(callee, awaited) for callee in callees)
    if value.types or not isinstance(func, ast.Name | ast.Attribute):
        return False
    if isinstance(func, ast.Name):
        return not any(place[0] == "param" for place in value.places)
    if func.attr == "run_in_executor":
        return False  # the name says it all
    spelled = spelling(func)
    return awaited or not (
        func.attr in catalogue_names.CONTAINER_METHODS
        or catalogue.is_benign(spelled)
        or spelled.partition(".")[0] in catalogue_names.LOGGING_ROOTS
    )


def _is_explained(value: Value, awaited: bool) -> bool:
    return any(_is_known(callee, awaited) for callee in value.callees)


def _is_known(callee: Callee, awaited: bool) -> bool:
    """Whether its source was read, or the catalogue says what it does."""
    if not isinstance(callee.target, str):
        return True
    return not is_unknown(callee) and library.is_listed(callee.target, callee.receiver, awaited)


def _is_class(receiver: Value) -> bool:
    return any(isinstance(callee.target, Class) for callee in receiver.callees)
