"""Every address of a URL configuration, read from the configuration itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern, RoutePattern

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
GROUP = re.compile(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)")
CONVERTER = re.compile(r"<(?:\w+:)?(\w+)>")


@dataclass(frozen=True, slots=True)
class Route:
    """`path` has its parameters in braces, as the API description writes them."""

    path: str
    parameters: tuple[str, ...]
    methods: tuple[str, ...]  # that its view knows; of a function: all

    def at(self, values: dict[str, str]) -> str:
        return self.path.format_map(values)


def routes_of(urlconf: str) -> tuple[Route, ...]:
    found = [route_of(path, pattern) for path, pattern in walk(get_resolver(urlconf), "/")]
    return tuple({route.path: route for route in reversed(found)}.values())[::-1]  # the first of two answers


def walk(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, URLPattern]]:
    for one in resolver.url_patterns:
        path = prefix + written(one.pattern)
        if isinstance(one, URLResolver):
            yield from walk(one, path)
        else:
            yield path, one


def written(pattern: Any) -> str:
    if isinstance(pattern, RoutePattern):
        return CONVERTER.sub(r"{\1}", str(pattern))
    assert isinstance(pattern, RegexPattern), pattern
    return GROUP.sub(r"{\1}", str(pattern)).strip("^$").removesuffix(r"\Z").replace("\\", "")


def route_of(path: str, pattern: URLPattern) -> Route:
    return Route(path, tuple(re.findall(r"{(\w+)}", path)), methods_of(pattern.callback))


def methods_of(view: Any) -> tuple[str, ...]:
    """A class's methods by name, also of one view for each method (`by_method`)."""
    view_class = getattr(view, "view_class", None) or getattr(view, "cls", None)
    if view_class is None:
        return METHODS
    return tuple(method for method in METHODS if hasattr(view_class, method.lower()))
