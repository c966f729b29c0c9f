"""What is kept of a file, and what is refused."""

import io

import pytest
from PIL import Image, ImageChops

from app.core.media.cleaning import cleaned
from app.core.media.faults import Fault, Unusable
from app.core.media.formats import Format, begins_as, format_named
from app.core.media.images import orientation_of
from tests.files import ARCHIVE, PLACE, film, pdf, picture, png_of, sound

FORMS = {Format.JPEG: "JPEG", Format.PNG: "PNG", Format.WEBP: "WEBP"}


def kept(format_: Format, content: bytes) -> bytes:
    assert begins_as(format_, content)
    return b"".join(cleaned(format_, content))


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize("format_", FORMS)
def test_the_place_goes_and_every_pixel_and_the_orientation_stay(format_: Format) -> None:
    sent = picture(FORMS[format_])
    left = kept(format_, sent)
    assert PLACE in sent
    assert PLACE not in left
    assert dict(opened(left).getexif()) == {0x0112: 6}
    assert dict(opened(sent).getexif().get_ifd(0x8825))
    assert not dict(opened(left).getexif().get_ifd(0x8825))
    assert ImageChops.difference(opened(sent).convert("RGB"), opened(left).convert("RGB")).getbbox() is None


@pytest.mark.parametrize("format_", FORMS)
def test_an_upright_image_keeps_no_metadata_at_all(format_: Format) -> None:
    assert not dict(opened(kept(format_, picture(FORMS[format_], turned=False))).getexif())


@pytest.mark.parametrize("format_", FORMS)
def test_what_is_cleaned_stays_as_it_is_when_it_is_cleaned_again(format_: Format) -> None:
    once = kept(format_, picture(FORMS[format_]))
    assert kept(format_, once) == once


@pytest.mark.parametrize("format_", FORMS)
@pytest.mark.parametrize("behind", [ARCHIVE, b"<script>alert(1)</script>"])
def test_what_is_behind_an_image_is_cut_off(format_: Format, behind: bytes) -> None:
    sent = picture(FORMS[format_])
    assert kept(format_, sent + behind) == kept(format_, sent)


def test_a_progressive_jpeg_keeps_all_its_scans() -> None:
    out = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(out, "JPEG", progressive=True)
    left = kept(Format.JPEG, out.getvalue())
    assert ImageChops.difference(opened(left), opened(out.getvalue())).getbbox() is None


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_transparency_stays(form: str) -> None:
    out = io.BytesIO()
    Image.linear_gradient("L").convert("RGBA").rotate(30).save(out, form, lossless=True)
    left = kept(Format(form.lower()), out.getvalue())
    assert opened(left).convert("RGBA").tobytes() == opened(out.getvalue()).convert("RGBA").tobytes()


@pytest.mark.parametrize("kind", ["mp4", "m4a", "wav", "mp3"])
def test_film_and_sound_tell_no_place_and_keep_what_is_seen_and_heard(kind: str) -> None:
    sent = film() if kind.startswith("m") and kind != "mp3" else sound(kind)
    left = kept(Format(kind), sent)
    assert PLACE in sent
    assert PLACE not in left
    content = {"mp4": b"frames", "m4a": b"frames", "wav": b"\x01\x02\x03\x04", "mp3": b"\xff\xfb\x90"}[kind]
    assert content in left
    if content == b"frames":  # offsets into the film stay right
        assert left.index(content) == sent.index(content)


REFUSED = {
    "a picture without end": (Format.JPEG, picture()[:-2], Fault.BROKEN),
    "half a picture": (Format.JPEG, picture()[: len(picture()) // 2], Fault.BROKEN),
    "a start and an end": (Format.JPEG, b"\xff\xd8\xff\xd9", Fault.BROKEN),
    "a png cut off": (Format.PNG, picture("PNG")[:-20], Fault.BROKEN),
    "a png with a flipped bit": (Format.PNG, picture("PNG").replace(b"IDAT", b"IDBT"), Fault.BROKEN),
    "a png without data": (Format.PNG, b"\x89PNG\r\n\x1a\n", Fault.BROKEN),
    "a png bomb": (Format.PNG, png_of(30_000, 30_000), Fault.TOO_MANY_PIXELS),
    "a pixel too many": (Format.PNG, png_of(50_000_001, 1), Fault.TOO_MANY_PIXELS),
    "a png of nothing": (Format.PNG, png_of(0, 5), Fault.BROKEN),
    "a webp cut off": (Format.WEBP, picture("WEBP")[:-20], Fault.BROKEN),
    "a page in a document": (Format.PDF, pdf(b"<html><script>alert(1)</script>"), Fault.HIDDEN_CONTENT),
    "an archive behind a document": (Format.PDF, pdf(behind=ARCHIVE), Fault.HIDDEN_CONTENT),
    "an archive within a document": (Format.PDF, pdf(ARCHIVE), Fault.HIDDEN_CONTENT),
    "a script behind a document": (Format.PDF, pdf(behind=b"\nalert(1)"), Fault.HIDDEN_CONTENT),
    "a document without end": (Format.PDF, b"%PDF-1.4\n", Fault.BROKEN),
    "an archive behind a film": (Format.MP4, film() + ARCHIVE, Fault.HIDDEN_CONTENT),
    "a script behind a film": (Format.MP4, film() + b"alert(1);", Fault.BROKEN),
    "a film cut off": (Format.MP4, film()[:-3], Fault.BROKEN),
    "a tag without sound": (Format.MP3, b"ID3\x03\0\0\0\0\0\x7f", Fault.BROKEN),
    "a sound without data": (Format.WAV, b"RIFF\x04\0\0\0WAVE", Fault.BROKEN),
    "a page in a sound": (Format.AMR, b"#!AMR\n<html>", Fault.HIDDEN_CONTENT),
}


@pytest.mark.parametrize(("format_", "content", "fault"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_broken_or_hides_something_is_refused(format_: Format, content: bytes, fault: Fault) -> None:
    with pytest.raises(Unusable) as refusal:
        kept(format_, content)
    assert refusal.value.fault is fault


def test_an_animation_is_refused() -> None:
    out = io.BytesIO()
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:])
    with pytest.raises(Unusable) as refusal:
        kept(Format.WEBP, out.getvalue())
    assert refusal.value.fault is Fault.ANIMATED


def test_fifty_million_pixels_are_taken() -> None:
    assert kept(Format.PNG, png_of(50_000_000, 1))


@pytest.mark.parametrize("format_", Format)
def test_no_cut_or_noise_is_more_than_unusable(format_: Format) -> None:
    sent = {
        **{image: picture(form) for image, form in FORMS.items()},
        Format.PDF: pdf(), Format.MP4: film(), Format.M4A: film(b"M4A "),
        **{Format(kind): sound(kind) for kind in ("mp3", "wav", "amr")},
    }[format_]  # fmt: skip
    for place in range(0, len(sent), max(1, len(sent) // 300)):
        for content in (sent[:place], sent[:place] + b"\xff\xff\xff\xff" + sent[place + 4 :]):
            if begins_as(format_, content):
                try:
                    kept(format_, content)
                except Unusable:
                    continue


@pytest.mark.parametrize("tiff", [b"", b"MM", b"MM\0*\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff", b"GIF89a"])
def test_a_broken_block_tells_no_orientation(tiff: bytes) -> None:
    assert orientation_of(tiff) == 1


@pytest.mark.parametrize(
    ("name", "format_"),
    [("a.JPG", "jpg"), ("a.jpeg", "jpg"), ("发票.pdf", "pdf"), ("a.zip", None), ("a.svg", None), ("jpg", None)],
)
def test_a_name_stands_for_a_format_by_its_extension(name: str, format_: str | None) -> None:
    assert format_named(name) == format_


@pytest.mark.parametrize(
    "content", [b"GIF89a/*" + bytes(20), ARCHIVE, b"<svg/>", b"<!doctype html>", b"\x1f\x8b\x08", b"MZ", b""]
)
def test_other_content_begins_as_none_of_the_formats(content: bytes) -> None:
    assert not [format_ for format_ in Format if begins_as(format_, content)]
