"""Any model made alias-free, with its own weights."""

from jinc.models.convert.effects import Effect as Effect
from jinc.models.convert.effects import effects as effects
from jinc.models.convert.effects import sharing_weights as sharing_weights
from jinc.models.convert.effects import untrained as untrained
from jinc.models.convert.examples import inputs_of as inputs_of
from jinc.models.convert.modules import RULES as RULES
from jinc.models.convert.modules import Rule as Rule
from jinc.models.convert.settings import Settings as Settings
from jinc.models.convert.surgery import Conversion as Conversion
from jinc.models.convert.surgery import conversion as conversion
from jinc.models.convert.surgery import convert as convert
from jinc.models.convert.surgery import restore as restore
from jinc.models.convert.tracing import Call as Call
