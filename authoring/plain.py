"""Markdown as plain text that reads well: the other part of every mail."""

from collections.abc import Callable

from markdown_it.tree import SyntaxTreeNode

_INDENT = "  "


def plain_text(tree: SyntaxTreeNode) -> str:
    """The text of a parsed Markdown document: blocks with an empty line between, links as ``text: address``."""
    return _blocks(tree.children)


def _blocks(nodes: list[SyntaxTreeNode]) -> str:
    return "\n\n".join(filter(None, map(_block, nodes)))


def _block(node: SyntaxTreeNode) -> str:
    write = _BLOCKS.get(node.type)
    return write(node) if write else _blocks(node.children)


def _line(node: SyntaxTreeNode) -> str:
    return _inline(node.children[0].children)


def _quote(node: SyntaxTreeNode) -> str:
    return "\n".join(f"> {line}".rstrip() for line in _blocks(node.children).split("\n"))


def _code(node: SyntaxTreeNode) -> str:
    return "\n".join(_INDENT + line for line in node.content.rstrip().split("\n"))


def _list(node: SyntaxTreeNode) -> str:
    first = int(node.attrs.get("start", 1))
    marks = [f"{first + index}. " if node.type == "ordered_list" else "- " for index in range(len(node.children))]
    items = [_item(item, mark) for item, mark in zip(node.children, marks, strict=True)]
    return "\n".join(items)


def _item(node: SyntaxTreeNode, mark: str) -> str:
    text = "\n".join(filter(None, map(_block, node.children)))
    return mark + text.replace("\n", "\n" + " " * len(mark))


def _table(node: SyntaxTreeNode) -> str:
    rows = [row for part in node.children for row in part.children]
    return "\n".join(" | ".join(_inline(cell.children[0].children) for cell in row.children) for row in rows)


_BLOCKS: dict[str, Callable[[SyntaxTreeNode], str]] = {
    "paragraph": _line,
    "heading": _line,
    "bullet_list": _list,
    "ordered_list": _list,
    "blockquote": _quote,
    "fence": _code,
    "code_block": _code,
    "hr": lambda _: "-" * 40,
    "table": _table,
}


def _inline(nodes: list[SyntaxTreeNode]) -> str:
    parts = []
    for index, node in enumerate(nodes):
        following = nodes[index + 1].content if index + 1 < len(nodes) and nodes[index + 1].type == "text" else ""
        parts.append(_span(node, touched=following[:1] not in {"", " ", "\n"}))
    return "".join(parts)


def _span(node: SyntaxTreeNode, *, touched: bool) -> str:
    match node.type:
        case "text" | "code_inline":
            return node.content
        case "softbreak":  # the author's line length is not the reader's
            return " "
        case "hardbreak":
            return "\n"
        case "image":
            return node.content
        case "link":
            return _link(_inline(node.children), str(node.attrs["href"]), touched=touched)
    return _inline(node.children)


def _link(text: str, address: str, *, touched: bool) -> str:
    """``touched``: punctuation follows at once and would become part of the address."""
    shown = f"<{address}>" if touched else address
    return shown if text in {address, ""} else f"{text}: {shown}"
