"""Users: the tier and id of the user that work is done for, active users, and the cost of their work."""

from signalscope.users._context import current_tier, current_user, user_context
from signalscope.users._costs import UserCost

__all__ = ["UserCost", "current_tier", "current_user", "user_context"]
