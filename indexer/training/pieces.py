"""Work in nearly equal pieces."""


def cuts(count: int, parts: int) -> list[tuple[int, int]]:
    """Returns the ends of `parts` nearly equal pieces of `count` things."""
    edges = [count * part // parts for part in range(parts + 1)]
    return [(edges[part], edges[part + 1]) for part in range(parts)]
