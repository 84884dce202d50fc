#!/usr/bin/env python3
"""Check a flame graph and print its frames.  Usage: flame_svg.py FILE

A line a frame: depth, offset, weight, letter of its class, name and what stands on it, with tabs between.
"""
import re
import sys
import xml.dom.minidom

CHAR = 12 * 0.605


def text_of(node):
    return "".join(c.data for c in node.childNodes)


def number(node, name):
    return float(node.getAttribute(name))


def check_alone(raw, svg):
    """Nothing is fetched from elsewhere."""
    for word in ("href", "url(", "@import", "<image", "<!DOCTYPE", "<!ENTITY"):
        assert word not in raw, word
    for node in svg.getElementsByTagName("*"):
        for name in node.attributes.keys():
            assert not name.startswith("on"), name
    script = text_of(svg.getElementsByTagName("script")[0])
    for word in ("innerHTML", "eval(", "fetch(", "XMLHttpRequest", "import("):
        assert word not in script, word


def check_frame(frame, svg_height, view, above):
    g, rect = frame["g"], frame["rect"]
    inner = view[2] - 2 * view[0]
    x, width = number(rect, "x"), number(rect, "width")
    assert abs(x - view[0] - inner * frame["from"] / view[3]) < 0.02, frame
    full = inner * frame["size"] / view[3]
    assert abs(width - (full - 0.5 if full > 2 else full)) < 0.02, frame
    assert number(rect, "y") + number(rect, "height") < svg_height, frame
    up = above[frame["depth"] - 1] if frame["depth"] else None
    if up:
        assert up["from"] <= frame["from"] and frame["from"] + frame["size"] <= up["from"] + up["size"], frame
        # Behind its elder sibling, and not bigger.
        assert frame["from"] >= up.get("used", 0), frame
        assert frame["size"] <= up.get("last", frame["size"]), frame
        up["used"] = frame["from"] + frame["size"]
        up["last"] = frame["size"]
    texts = g.getElementsByTagName("text")
    shown = text_of(texts[0]) if texts else ""
    assert len(shown) * CHAR <= width, (shown, width)
    assert shown == "" or shown == frame["name"] or frame["name"].startswith(shown[:-1]), (shown, frame["name"])
    return shown


def main():
    with open(sys.argv[1], "rb") as file:
        raw = file.read().decode("utf-8")
    doc = xml.dom.minidom.parseString(raw.encode())
    svg = doc.documentElement
    assert svg.tagName == "svg" and svg.namespaceURI == "http://www.w3.org/2000/svg"
    width, height = int(svg.getAttribute("width")), int(svg.getAttribute("height"))
    assert svg.getAttribute("viewBox") == "0 0 %d %d" % (width, height)
    check_alone(raw.replace('xmlns="http://www.w3.org/2000/svg"', ""), svg)
    style = text_of(svg.getElementsByTagName("style")[0])
    box = [g for g in svg.getElementsByTagName("g") if g.getAttribute("class") == "frames"][0]
    margin, top, row = (int(box.getAttribute("data-" + name)) for name in ("margin", "top", "row"))
    above = {}
    total = None
    for g in box.getElementsByTagName("g"):
        rect, tip = g.getElementsByTagName("rect")[0], text_of(g.getElementsByTagName("title")[0])
        name, _, figures = tip.partition("\n")
        frame = {
            "g": g, "rect": rect, "name": name, "depth": int((number(rect, "y") - top) / row),
            "from": int(g.getAttribute("data-o")), "size": int(g.getAttribute("data-w")),
        }
        total = total if total is not None else frame["size"]
        assert re.fullmatch(r"(\d+ faults?|[\d.]+[num]?s), \d+\.\d\d %", figures), tip
        assert "%.2f %%" % (100.0 * frame["size"] / total if total else 0) in figures, tip
        assert "." + rect.getAttribute("class") + "{" in style, rect.getAttribute("class")
        shown = check_frame(frame, height, (margin, top, width, total or 1), above)
        above[frame["depth"]] = frame
        print(frame["depth"], frame["from"], frame["size"], rect.getAttribute("class")[0], name, shown, sep="\t")


main()
