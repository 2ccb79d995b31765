"""What every family checks of the shape it is built for."""

from __future__ import annotations

from deepwell.core.errors import UserError

Shape = tuple[int, int, int]


def check_shape(model: str, shape: Shape, smallest: int) -> None:
    """A picture must be large enough for every map of the model to keep at least one element.

    Raises:
        UserError: no (channels, height, width), or a side below ``smallest``.
    """
    if len(shape) != 3 or min(shape) < 1:
        raise UserError(f"{model} was given the input shape {shape}", expected="(channels, height, width)")
    if min(shape[1:]) < smallest:
        raise UserError(
            f"pictures of {shape[1]}x{shape[2]} are too small for {model}",
            expected=f"at least {smallest}x{smallest}",
            fix=f"read them larger (--size {smallest}), or take a smaller model (cnn, mlp)",
        )
