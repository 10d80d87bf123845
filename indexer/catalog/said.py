"""Items about which certain words are said, in captions and subtitles."""

from sqlalchemy import ColumnElement, Dialect, and_, or_
from sqlalchemy.orm import aliased

from indexer.catalog.patterns import containing, fits
from indexer.catalog.queries import Picture, items_with, shown
from indexer.catalog.tables import ItemRow
from indexer.types import Modality

_Moment = aliased(ItemRow)


def said_of(dialect: Dialect, modality: Modality, phrase: str) -> ColumnElement[bool]:
    """Returns the condition on items that these words stand, in a row, in what is said of them.

    Of a caption that is its text; of a picture or film its captions; of a moment those of its film
    that are said while it lasts, or that are about the film as a whole.
    """
    words = fits(dialect, ItemRow.text, containing(phrase))
    if modality is Modality.TEXT:
        return words
    said = and_(ItemRow.modality == Modality.TEXT.value, words)
    about = items_with(Picture.id).where(Picture.id.is_not(None), said).correlate(None)
    if modality is not Modality.IMAGE:
        return ItemRow.id.in_(about)
    meanwhile = or_(
        ItemRow.best_ms.is_(None),
        and_(ItemRow.start_ms < _Moment.end_ms, _Moment.start_ms < ItemRow.end_ms),
    )
    moments = (
        items_with(_Moment.id)
        .join(_Moment, _Moment.file_id == Picture.file_id)
        .where(
            said,
            Picture.modality == Modality.VIDEO.value,
            _Moment.modality == Modality.IMAGE.value,
            _Moment.best_ms.is_not(None),
            shown(_Moment),
            meanwhile,
        )
        .correlate(None)
    )
    return or_(ItemRow.id.in_(about), ItemRow.id.in_(moments))
