"""Kinds of members that requests have in common, with their limits."""

from typing import Annotated

from msgspec import Meta

from im.message.model import MAX_ID_LENGTH

Id = Annotated[str, Meta(min_length=1, max_length=MAX_ID_LENGTH)]
IdOrEmpty = Annotated[str, Meta(max_length=MAX_ID_LENGTH)]
Int = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
Mask = Annotated[int, Meta(gt=0, le=2**31 - 1)]
Line = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Uid = Annotated[int, Meta(gt=0, le=2**63 - 1)]
Time = Annotated[int, Meta(ge=0, le=2**53 - 1)]
