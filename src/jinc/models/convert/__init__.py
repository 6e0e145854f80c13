"""Any model made alias-free, with its own weights."""

from jinc.models.convert.modules import RULES as RULES
from jinc.models.convert.modules import Rule as Rule
from jinc.models.convert.surgery import Conversion as Conversion
from jinc.models.convert.surgery import conversion as conversion
from jinc.models.convert.surgery import convert as convert
from jinc.models.convert.surgery import restore as restore
from jinc.models.convert.tracing import Call as Call
