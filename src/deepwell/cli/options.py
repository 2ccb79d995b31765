"""Options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, all else on standard error.")]
Source = Annotated[
    str,
    typer.Argument(
        help="A folder of class folders of pictures or texts, a table, a .npz or IDX file, CoNLL files, trees, "
        "or a named set."
    ),
]
RunPath = Annotated[Path, typer.Argument(help="A run's folder, or a saved model file.")]
Target = Annotated[Optional[str], typer.Option(help="The column of labels, for tables.")]  # noqa: UP045 - typer reads it
Text = Annotated[Optional[str], typer.Option(help="The column of texts, for tables.")]  # noqa: UP045
Repair = Annotated[bool, typer.Option(help="Mend tags that break their scheme; else they are an error.")]
Size = Annotated[Optional[str], typer.Option(help="Size of the pictures: 64 or HEIGHTxWIDTH.")]  # noqa: UP045
MaybeInt = Optional[int]  # noqa: UP045
MaybeFloat = Optional[float]  # noqa: UP045
MaybeStr = Optional[str]  # noqa: UP045
Skip = Annotated[bool, typer.Option(help="Leave out samples that can't be read, and list them.")]


def _speak(name: str | None) -> str | None:
    from deepwell.findings import use_language

    use_language(name)
    return name


Lang = Annotated[
    MaybeStr, typer.Option(help="Language of findings, en or zh; else the system's.", callback=_speak, is_eager=True)
]


Channels = Annotated[MaybeInt, typer.Option(help="1 for grey, 3 for colour.")]
Resize = Annotated[MaybeStr, typer.Option(help="Pictures: fit, stretch or crop.")]
TokensOption = Annotated[MaybeStr, typer.Option(help="Texts: words, characters or bpe.")]
MaxLength = Annotated[MaybeInt, typer.Option(help="Texts: tokens that are read.")]
MinimumCount = Annotated[MaybeInt, typer.Option(help="Texts: times that a word must occur.")]
VocabularySize = Annotated[MaybeInt, typer.Option(help="Texts: words that are learnt at most.")]
View = Annotated[MaybeStr, typer.Option(help="Words: characters, pieces, pairs, none. Texts: sequence, counts.")]
Validation = Annotated[float, typer.Option(help="Share held out to choose the best epoch.")]
TestShare = Annotated[MaybeFloat, typer.Option(help="Share held out to report; chosen from the data.")]
