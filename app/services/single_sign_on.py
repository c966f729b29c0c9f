"""单点登录: the company's identity provider, as the settings name it, and what the roles it gives may do here."""

from app.core.settings import Settings, SettingsInvalid
from app.core.single_sign_on import Provider, RolesInvalid, SignOn, read_roles
from app.services.scopes import check_scopes


def sign_on_of(settings: Settings) -> SignOn | None:
    """Return what reads people's tokens; None where there is no identity provider.

    Raises: SettingsInvalid for a file of roles that makes no sense.
    """
    if settings.oidc_issuer is None or settings.oidc_audience is None or settings.oidc_roles_file is None:
        return None
    try:
        roles = read_roles(settings.oidc_roles_file)
        for role in roles.values():
            check_scopes(list(role.scopes))
    except (RolesInvalid, ValueError) as error:
        raise SettingsInvalid([f"AFTERSALES_OIDC_ROLES_FILE: {error}"]) from None
    claims = (settings.oidc_roles_claim, settings.oidc_staff_claim)
    return SignOn(Provider(settings.oidc_issuer, settings.oidc_audience, roles, *claims))
