"""Coverage maps of drawn things, (H, W) float32, 0..1: curves, specks, clouds, ragged edges and letters.

They are drawn OVER times larger and averaged, so that lines have a width of fractions of a pixel.
Points are (N, 2) with x and y in pixels; the centre of the first pixel is (0, 0).
"""

import cv2
import numpy as np

OVER = 4
SHIFT = 4
"""Bits of a fraction in the coordinates of OpenCV."""
FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_PLAIN,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_COMPLEX_SMALL,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
    cv2.FONT_HERSHEY_COMPLEX | cv2.FONT_ITALIC,
)


class Canvas:
    """A sheet of the size of a picture on which things are drawn; `coverage` gives the share of each pixel covered."""

    def __init__(self, height: int, width: int) -> None:
        self.large = np.zeros((height * OVER, width * OVER), np.uint8)

    def line(self, points: np.ndarray, widths: np.ndarray) -> None:
        """A curve through N points; N - 1 widths in pixels, zero for a gap."""
        fixed = _fixed(points)
        for start, end, width in zip(fixed[:-1], fixed[1:], widths, strict=True):
            if width > 0:
                thickness = max(1, round(float(width) * OVER))
                cv2.line(self.large, tuple(start), tuple(end), 255, thickness, cv2.LINE_8, SHIFT)

    def area(self, points: np.ndarray) -> None:
        """The inside of a closed curve."""
        cv2.fillPoly(self.large, [_fixed(points)], 255, cv2.LINE_8, SHIFT)

    def coverage(self, softness: float = 0.0) -> np.ndarray:
        """What was drawn, blurred by a Gaussian of `softness` pixels."""
        small = (self.large.shape[1] // OVER, self.large.shape[0] // OVER)
        covered = cv2.resize(self.large, small, interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)
        return cv2.GaussianBlur(covered, (0, 0), softness) if softness >= 0.2 else covered


def curve(start: np.ndarray, length: float, bend: float, rng: np.random.Generator, step: float = 3.0) -> np.ndarray:
    """A wandering curve of about `length` pixels; bend: standard deviation of the turn of a step, in radians."""
    count = max(2, round(length / step))
    turn = rng.normal(0, bend / 3) + bend * rng.standard_normal(count)
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(turn) * (rng.random(count) < 0.5)
    steps = np.stack([np.cos(heading), np.sin(heading)], 1) * (length / count)
    return start + np.concatenate([np.zeros((1, 2)), np.cumsum(steps, 0)])


def ragged(start: np.ndarray, end: np.ndarray, roughness: float, rng: np.random.Generator) -> np.ndarray:
    """A broken line from start to end, by midpoint displacement; roughness: displacement as a share of the length."""
    points = np.stack([start, end]).astype(float)
    length = float(np.hypot(*(end - start)))
    size = roughness * length
    while length / (len(points) - 1) > 3:
        normal = points[1:] - points[:-1]
        normal = normal[:, ::-1] * (1, -1) / np.maximum(1e-6, np.hypot(*normal.T))[:, None]
        middle = (points[1:] + points[:-1]) / 2 + normal * size * rng.standard_normal((len(points) - 1, 1))
        points = np.insert(points, np.arange(1, len(points)), middle, axis=0)
        size *= 0.55
    return points


def blob(centre: np.ndarray, radius: float, rng: np.random.Generator) -> np.ndarray:
    """The outline of an irregular spot."""
    angle = np.linspace(0, 2 * np.pi, 17)[:-1]
    away = radius * np.exp(0.25 * rng.standard_normal(16)) * (1 + 0.3 * np.sin(angle + rng.uniform(0, 6.3)))
    ratio, tilt = rng.uniform(0.4, 1), rng.uniform(0, np.pi)
    x, y = away * np.cos(angle), ratio * away * np.sin(angle)
    turned = np.stack([x * np.cos(tilt) - y * np.sin(tilt), x * np.sin(tilt) + y * np.cos(tilt)], 1)
    outline: np.ndarray = centre + turned
    return outline


def cloud(height: int, width: int, size: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise (H, W) with mean about 0 and standard deviation about 1; details of about `size` pixels."""
    cells = (max(2, int(width / size) + 2), max(2, int(height / size) + 2))
    coarse = rng.standard_normal((cells[1], cells[0])).astype(np.float32)
    smooth: np.ndarray = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return smooth * np.float32(1.4)  # what interpolation takes of the deviation


def lettering(
    size: tuple[int, int], text: str, corner: tuple[float, float], height: float, style: tuple[int, float]
) -> np.ndarray:
    """A line of text whose capitals are `height` pixels high; corner: x and y of its bottom left.

    style: number of the font, and thickness of the strokes as a share of the height.
    """
    canvas = Canvas(*size)
    font = FONTS[style[0] % len(FONTS)]
    capitals = cv2.getTextSize("H", font, 1, 1)[0][1]
    thickness = max(1, round(style[1] * height * OVER))
    place = (round(corner[0] * OVER), round(corner[1] * OVER))
    cv2.putText(canvas.large, text, place, font, height * OVER / capitals, 255, thickness, cv2.LINE_AA)
    return canvas.coverage()


def text_width(text: str, height: float, font: int) -> float:
    """The width in pixels of a line of text."""
    face = FONTS[font % len(FONTS)]
    return cv2.getTextSize(text, face, 1, 1)[0][0] * height / cv2.getTextSize("H", face, 1, 1)[0][1]


def _fixed(points: np.ndarray) -> np.ndarray:
    """Points in the coordinates of OpenCV on the large sheet."""
    return np.rint(((points + 0.5) * OVER - 0.5) * (1 << SHIFT)).clip(-(2**27), 2**27).astype(np.int32)
