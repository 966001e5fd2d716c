"""Source code: each function, method and class is a listing with its qualified name and its lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module

import tree_sitter

from knowledge.ingestion.readers.kinds import LANGUAGE_OF
from knowledge.ingestion.readers.source import Source
from knowledge.ingestion.readers.text import cleaned, decoded
from knowledge.types import Block, BlockKind, ParsedDocument

_GRAMMARS = {  # language: its package, and the function there that gives the grammar
    "bash": ("tree_sitter_bash", "language"),
    "c": ("tree_sitter_c", "language"),
    "cpp": ("tree_sitter_cpp", "language"),
    "csharp": ("tree_sitter_c_sharp", "language"),
    "go": ("tree_sitter_go", "language"),
    "java": ("tree_sitter_java", "language"),
    "javascript": ("tree_sitter_javascript", "language"),
    "kotlin": ("tree_sitter_kotlin", "language"),
    "php": ("tree_sitter_php", "language_php"),
    "python": ("tree_sitter_python", "language"),
    "ruby": ("tree_sitter_ruby", "language"),
    "rust": ("tree_sitter_rust", "language"),
    "scala": ("tree_sitter_scala", "language"),
    "swift": ("tree_sitter_swift", "language"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
}
_FUNCTIONS = frozenset(
    "function_definition function_declaration function_item method_definition method_declaration method"
    " singleton_method constructor_declaration generator_function_declaration local_function_statement"
    " init_declaration secondary_constructor type_definition".split()
)
_HOLDERS = frozenset(  # classes and their kin: their members are looked at one by one
    "class_definition class_declaration class_specifier struct_specifier class module interface_declaration"
    " struct_declaration record_declaration enum_declaration trait_item impl_item mod_item object_definition"
    " trait_definition object_declaration trait_declaration namespace_definition namespace_declaration"
    " protocol_declaration extension_declaration abstract_class_declaration internal_module companion_object".split()
)
_WRAPPERS = frozenset(["decorated_definition", "export_statement", "template_declaration", "ambient_declaration"])
_SMALL = 800  # characters: a class that is shorter, or loose statements, stay in one piece
_DEEPEST = 50  # holders in holders
_LONGEST_LINE = 5_000  # characters: code made by machines, of which nothing is to be learnt from its structure


@dataclass(frozen=True, slots=True)
class _Span:
    """Lines `first` to `last`, from 0, both included."""

    first: int
    last: int
    name: str = ""


def read_code(source: Source) -> ParsedDocument:
    text = cleaned(decoded(source.path.read_bytes())).rstrip()
    language = LANGUAGE_OF.get(source.suffix, "")
    lines = text.split("\n")
    if language in _GRAMMARS and max(map(len, lines)) <= _LONGEST_LINE:
        spans = _Outline(text, language, lines).spans()
    else:
        spans = [_Span(0, len(lines) - 1)]
    return ParsedDocument(tuple(_blocks(lines, spans, language)))


def _blocks(lines: list[str], spans: list[_Span], language: str) -> Iterator[Block]:
    for span in spans:
        first, last = span.first, span.last
        while first <= last and not lines[first].strip():
            first += 1
        while last >= first and not lines[last].strip():
            last -= 1
        if first <= last:
            text = "\n".join(lines[first : last + 1])
            place = f"line {first + 1}" if first == last else f"lines {first + 1}-{last + 1}"
            yield Block(BlockKind.CODE, text, language=language, name=span.name, place=place)


@cache
def _parser(language: str) -> tree_sitter.Parser:
    package, name = _GRAMMARS[language]
    grammar: Callable[[], object] = getattr(import_module(package), name)
    return tree_sitter.Parser(tree_sitter.Language(grammar()))


class _Outline:
    """The named parts of a file, and what stands between them; together they are all of its lines, in order."""

    def __init__(self, text: str, language: str, lines: list[str]) -> None:
        self._root = _parser(language).parse(text.encode()).root_node
        self._lines = lines

    def spans(self) -> list[_Span]:
        found: list[_Span] = []
        for span in self._parted(self._root, _Span(0, len(self._lines) - 1), 0):
            if found and self._only_closes(span):
                span = replace(found.pop(), last=span.last)
            found.append(span)
        return found

    def _only_closes(self, span: _Span) -> bool:
        words = "".join(self._lines[span.first : span.last + 1]).split()
        return all(word == "end" or not any(map(str.isalnum, word)) for word in words)

    def _parted(self, holder: tree_sitter.Node, whole: _Span, depth: int) -> Iterator[_Span]:
        start = whole.first
        for outer, node in self._members(holder):
            first, last = self._with_comments(outer.start_point.row, start), outer.end_point.row
            if first < start or last > whole.last:
                continue  # two on one line: the first has it
            if first > start:
                yield _Span(start, first - 1, whole.name)
            name = ".".join(filter(None, (whole.name, _name(node))))
            span = _Span(first, last, name)
            if node.type in _HOLDERS and self._size(span) > _SMALL and depth < _DEEPEST:
                yield from self._parted(node, span, depth + 1)
            else:
                yield span
            start = last + 1
        if start <= whole.last:
            yield _Span(start, whole.last, whole.name)

    def _members(self, holder: tree_sitter.Node) -> Iterator[tuple[tree_sitter.Node, tree_sitter.Node]]:
        """Each named part with what wraps it (decorators, `export`), found through bodies, but not inside functions."""
        open_nodes = list(reversed(holder.children))
        while open_nodes:
            node = open_nodes.pop()
            inner = _unwrapped(node)
            if not node.is_named:
                continue
            if inner.type in _FUNCTIONS or inner.type in _HOLDERS or _is_named_function(inner):
                yield node, inner
            elif node.type.endswith(("body", "block", "list", "section")) or node.type == "ERROR":
                open_nodes += reversed(node.children)

    def _with_comments(self, row: int, floor: int) -> int:
        """The comment right above belongs to what it describes."""
        while row > floor and self._lines[row - 1].lstrip().startswith(("//", "#", "/*", "*", "@", "--")):
            row -= 1
        return row

    def _size(self, span: _Span) -> int:
        return sum(map(len, self._lines[span.first : span.last + 1]))


def _unwrapped(node: tree_sitter.Node) -> tree_sitter.Node:
    while node.type in _WRAPPERS:
        inner = next((c for c in node.named_children if c.type in _WRAPPERS | _FUNCTIONS | _HOLDERS), None)
        inner = inner or next((child for child in node.named_children if _is_named_function(child)), None)
        if inner is None:
            return node
        node = inner
    return node


def _is_named_function(node: tree_sitter.Node) -> bool:
    """const name = () => ..."""
    if node.type not in ("lexical_declaration", "variable_declaration"):
        return False
    values = [child.child_by_field_name("value") for child in node.named_children]
    return any(value is not None and value.type in ("arrow_function", "function_expression") for value in values)


def _name(node: tree_sitter.Node) -> str:
    if _is_named_function(node):
        node = node.named_children[0]
    found = (
        node.child_by_field_name("name") or node.child_by_field_name("declarator") or node.child_by_field_name("type")
    )
    while found is not None and (inner := found.child_by_field_name("declarator")) is not None:
        found = inner  # C hides the name inside what it declares
    if found is None:
        found = next((child for child in node.named_children if child.type.endswith("identifier")), None)
    name = found.text.decode(errors="replace") if found is not None and found.text else ""
    receiver = node.child_by_field_name("receiver")  # Go's methods stand outside their type
    if receiver is not None and receiver.text:
        owner = receiver.text.decode(errors="replace").strip("()").split()[-1:]
        name = ".".join([*(word.lstrip("*") for word in owner), name])
    return " ".join(name.split())[:100]
