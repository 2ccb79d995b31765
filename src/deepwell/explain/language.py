"""What a person reads on explanations, in both languages."""

from __future__ import annotations

from deepwell.core.errors import unknown_name

METHOD_NAMES: dict[str, dict[str, str]] = {
    "gradcam": {"en": "Grad-CAM", "zh": "Grad-CAM（梯度加权类激活图）"},
    "integrated-gradients": {"en": "integrated gradients", "zh": "积分梯度"},
    "occlusion": {"en": "occlusion", "zh": "遮挡法"},
}
"""Methods of attribution by name, the better known first."""

_SENTENCES = {
    "caption": {
        "en": "What speaks for “{target}” ({confidence:.1%}), by {method}",
        "zh": "支持“{target}”的依据（置信度 {confidence:.1%}），方法：{method}",
    },
    "for": {"en": "speaks for it", "zh": "支持"},
    "against": {"en": "speaks against it", "zh": "反对"},
    "where": {
        "en": "“{target}” ({confidence:.1%}): of what speaks for it {share:.0%} lies in the {region}",
        "zh": "“{target}”（{confidence:.1%}）：支持它的依据有 {share:.0%} 位于{region}",
    },
    "nowhere": {
        "en": "“{target}” ({confidence:.1%}): nothing in the picture speaks for it",
        "zh": "“{target}”（{confidence:.1%}）：图中没有支持它的依据",
    },
    "words": {
        "en": "“{target}” ({confidence:.1%}): most for it {words_for}; most against it {words_against}",
        "zh": "“{target}”（{confidence:.1%}）：最支持的词是{words_for}；最反对的词是{words_against}",
    },
    "nothing": {"en": "nothing", "zh": "无"},
    "word": {"en": "“{text}” ({weight:+.2f})", "zh": "“{text}”（{weight:+.2f}）"},
    "comma": {"en": ", ", "zh": "、"},
}

_REGIONS = {
    "en": (
        ("upper left", "upper middle", "upper right"),
        ("middle left", "centre", "middle right"),
        ("lower left", "lower middle", "lower right"),
    ),
    "zh": (("左上方", "上方中部", "右上方"), ("左侧中部", "中央", "右侧中部"), ("左下方", "下方中部", "右下方")),
}


def say(sentence: str, lang: str, **values: object) -> str:
    """A sentence with its values in it.

    Raises:
        UserError: a language that there is not.

    >>> say("word", "zh", text="很好", weight=1.5)
    '“很好”（+1.50）'
    """
    return _SENTENCES[sentence][checked(lang)].format(**values)


def region(row: int, column: int, lang: str) -> str:
    """A ninth of a picture, counted from 0 at the upper left."""
    return _REGIONS[checked(lang)][row][column]


def method_name(method: str, lang: str) -> str:
    """A method's name for a person."""
    return METHOD_NAMES[method][checked(lang)]


def checked(lang: str) -> str:
    """A language that is spoken here.

    Raises:
        UserError: another one.
    """
    if lang not in _REGIONS:
        raise unknown_name("language", lang, _REGIONS)
    return lang
