"""Users: who a piece of work is for, how many are active, and what their work costs."""

from signalscope.users._context import current_tier, current_user, user_context
from signalscope.users._costs import UserCost

__all__ = ["UserCost", "current_tier", "current_user", "user_context"]
