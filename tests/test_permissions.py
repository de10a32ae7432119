"""THE table: every route, every role, what they get. A route without a row fails; a new route is one line.

Statuses in the order of ROLES. Pages take no keys, so a key gets there what anybody gets. A POST is sent empty, or with
what BODIES says: 422 or 302 means that the role may do it, 403 that it may not, 404 that it may not even see the thing.
Each call is rolled back.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import Settings
from pytest_django.plugin import DjangoDbBlocker

from audit.context import acting
from audit.explore.saved import save_view
from audit.keeping import erasure as keeping_erasure
from audit.keeping import holds as keeping_holds
from audit.models import Entry, Payload, Review, SavedView
from audit.packs import asking
from audit.packs.selection import Choice
from audit.selectors import log_size
from feedback.models import Recommendation
from feedback.services import items, kiosks
from portal import clock
from portal.mail import mail_off_token
from portal.models import ApiKey, Person, Role
from portal.permissions import Allowed
from tests import cast as scene
from tests import factories
from tests.cast import Cast
from tests.governance import scene as governance
from tests.services import SHARED, clone, drop, point_at

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

ROLES = ("anonymous", "employee", "lead", "sponsor", "executive", "compliance", "administrator", "system key", "personal key")
Call = Callable[[str, str, dict[str, Any]], "Answer"]
CANARY, UID = "Canary lane is flooded", "rec-canary-77"

# method, route                                                            anon empl lead spon exec comp admi syst pers
TABLE = """
GET    /                                                                  302 200 200 200 200 200 200 302 302
GET    healthz                                                            200 200 200 200 200 200 200 200 200
GET    readyz                                                             200 200 200 200 200 200 200 200 200
GET    api/v1/schema                                                      200 200 200 200 200 200 200 200 200
GET    api/v1/systems                                                     401 200 200 200 200 200 200 403 200
POST   api/v1/systems                                                     401 403 403 403 403 403 422 403 403
GET    api/v1/systems/<slug:slug>/versions                                401 200 200 200 200 200 200 403 200
POST   api/v1/systems/<slug:slug>/versions                                401 403 403 403 403 403 422 403 403
GET    api/v1/systems/<slug:slug>/keys                                    401 403 403 403 403 403 200 403 403
POST   api/v1/systems/<slug:slug>/keys                                    401 403 403 403 403 403 422 403 403
POST   api/v1/events                                                      401 403 403 403 403 403 403 207 403
GET    api/v1/recommendations/<path:uid>                                  401 200 404 404 404 404 404 200 200
GET    api/v1/items                                                       401 200 200 200 200 200 200 403 200
POST   api/v1/items/similar                                               401 200 200 200 200 200 200 403 200
POST   api/v1/items                                                       401 422 422 422 422 422 422 422 422
GET    api/v1/items/<str:ref>                                             401 200 200 200 200 200 200 403 200
DELETE api/v1/items/<str:ref>/voice                                       401 200 200 200 200 200 200 403 200
PUT    api/v1/items/<str:ref>/voice                                       401 200 200 200 200 200 200 403 200
PUT    api/v1/items/<str:ref>/text                                        401 200 403 403 403 403 403 403 200
PUT    api/v1/items/<str:ref>/replies/<int:pk>/text                       401 404 404 404 404 404 404 403 404
GET    api/v1/items/<str:ref>/edits                                       401 200 200 200 200 200 200 403 200
POST   api/v1/items/<str:ref>/comments                                    401 201 201 201 201 201 201 403 201
PUT    api/v1/items/<str:ref>/follow                                      401 200 200 200 200 200 200 403 200
PUT    api/v1/items/<str:ref>/verdict                                     401 409 403 403 403 403 403 403 409
POST   api/v1/items/<str:ref>/merge                                       401 422 422 422 422 422 422 403 422
POST   api/v1/items/<str:ref>/part                                        401 404 404 404 404 404 404 403 404
POST   api/v1/items/<str:ref>/replies                                     401 201 201 403 403 403 403 403 201
POST   api/v1/items/<str:ref>/status                                      401 403 200 403 403 403 403 403 403
GET    api/v1/kiosks                                                      401 403 200 403 403 403 200 403 403
POST   api/v1/kiosks                                                      401 403 422 403 403 403 422 403 403
DELETE api/v1/kiosks/<int:pk>                                             401 403 200 403 403 403 200 403 403
POST   api/v1/kiosks/<int:pk>/code                                        401 403 201 403 403 403 201 403 403
POST   api/v1/items/<str:ref>/withdraw                                    401 409 403 403 403 403 403 403 409
GET    api/v1/pilots                                                      401 200 200 200 200 200 200 403 200
POST   api/v1/pilots                                                      401 403 422 403 403 403 403 403 403
GET    api/v1/pilots/<str:slug>                                           401 200 200 200 200 200 200 403 200
POST   api/v1/pilots/<str:slug>/hold                                      401 403 200 403 403 200 403 403 403
POST   api/v1/pilots/<str:slug>/stop                                      401 403 200 403 200 200 403 403 403
POST   api/v1/pilots/<str:slug>/end                                       401 403 403 403 200 403 403 403 403
GET    api/v1/expansion-requests                                          401 200 200 200 200 200 200 403 200
POST   api/v1/expansion-requests                                          401 422 422 422 422 422 422 403 422
GET    api/v1/expansion-requests/<int:pk>                                 401 404 200 200 200 200 404 403 404
POST   api/v1/expansion-requests/<int:pk>/submit                          401 404 409 403 403 403 404 403 404
POST   api/v1/expansion-requests/<int:pk>/withdraw                        401 404 200 403 403 403 404 403 404
POST   api/v1/expansion-requests/<int:pk>/apply                           401 404 409 403 409 409 404 403 404
GET    api/v1/expansion-requests/<int:pk>/brief                           401 404 200 200 200 200 404 403 404
POST   api/v1/expansion-requests/<int:pk>/signatures                      401 404 403 403 403 403 404 403 404
GET    api/v1/audit/trust                                                 401 403 403 403 403 200 403 403 403
POST   api/v1/audit/trust/confirmations                                   401 403 403 403 403 422 403 403 403
POST   api/v1/audit/trust/clearings                                       401 403 403 403 403 422 403 403 403
POST   api/v1/audit/trust/verifications                                   401 403 403 403 403 202 403 403 403
GET    api/v1/audit/health                                                401 403 403 403 403 200 200 403 403
GET    audit/health                                                       302 403 403 403 403 200 200 302 302
GET    api/v1/audit/entries                                               401 403 403 403 403 200 403 403 403
GET    api/v1/audit/entries/<int:seq>                                     401 403 403 403 403 200 403 403 403
GET    api/v1/audit/entries/<int:seq>/proof                               401 403 403 403 403 200 403 403 403
GET    api/v1/audit/views                                                401 403 403 403 403 200 403 403 403
POST   api/v1/audit/views                                                401 403 403 403 403 422 403 403 403
GET    api/v1/audit/views/<int:pk>                                       401 403 403 403 403 200 403 403 403
PUT    api/v1/audit/views/<int:pk>                                       401 403 403 403 403 403 403 403 403
DELETE api/v1/audit/views/<int:pk>                                       401 403 403 403 403 403 403 403 403
PUT    api/v1/audit/views/<int:pk>/subscription                          401 403 403 403 403 422 403 403 403
DELETE api/v1/audit/views/<int:pk>/subscription                          401 403 403 403 403 204 403 403 403
GET    api/v1/audit/objects/<str:model>/<path:object_id>/versions         401 403 403 403 403 200 403 403 403
GET    api/v1/audit/objects/<str:model>/<path:object_id>/compare          401 403 403 403 403 422 403 403 403
GET    api/v1/audit/objects/<str:model>/<path:object_id>/restore          401 403 403 403 403 422 403 403 403
POST   api/v1/audit/objects/<str:model>/<path:object_id>/restore          401 403 403 403 403 422 403 403 403
GET    api/v1/audit/packs                                                 401 403 403 403 403 200 403 403 403
POST   api/v1/audit/packs                                                 401 403 403 403 403 201 403 403 403
GET    api/v1/audit/packs/<int:pk>                                        401 403 403 403 403 200 403 403 403
DELETE api/v1/audit/packs/<int:pk>                                        401 403 403 403 403 204 403 403 403
GET    api/v1/audit/packs/<int:pk>/file                                   401 403 403 403 403 409 403 403 403
GET    api/v1/audit/lists/<str:model>                                     401 403 403 403 403 200 403 403 403
GET    api/v1/audit/subjects/<str:kind>/<path:key>                        401 403 403 403 403 200 403 403 403
GET    api/v1/audit/pilots/<str:slug>                                     401 403 403 403 403 200 403 403 403
GET    api/v1/lessons                                                     401 200 200 200 200 200 200 403 200
GET    api/v1/audit/coverage                                              401 403 403 403 403 200 403 403 403
GET    api/v1/audit/feed                                                  401 403 403 403 403 200 403 403 403
GET    api/v1/audit/reviews                                               401 403 403 403 403 200 403 403 403
POST   api/v1/audit/reviews                                               401 403 403 403 403 422 403 403 403
GET    api/v1/audit/reviews/<int:pk>                                      401 403 403 403 403 200 403 403 403
POST   api/v1/audit/reviews/<int:pk>/draw                                 401 403 403 403 403 200 403 403 403
POST   api/v1/audit/reviews/<int:pk>/judgements                           401 403 403 403 403 422 403 403 403
POST   api/v1/audit/reviews/<int:pk>/signature                            401 403 403 403 403 422 403 403 403
POST   api/v1/widget/sessions                                             401 403 403 403 403 403 403 403 403
POST   api/v1/widget/items                                                401 401 401 401 401 401 401 401 401
POST   api/v1/widget/outcomes                                             401 401 401 401 401 401 401 401 401
GET    api/v1/widget/recommendations/<path:uid>                           401 401 401 401 401 401 401 401 401
GET    units                                                              302 403 403 403 403 403 200 302 302
GET    units/new                                                          302 403 403 403 403 403 200 302 302
POST   units/new                                                          302 403 403 403 403 403 422 302 302
GET    units/<int:pk>                                                     302 403 403 403 403 403 200 302 302
POST   units/<int:pk>                                                     302 403 403 403 403 403 422 302 302
POST   units/<int:pk>/move                                                302 403 403 403 403 403 302 302 302
GET    people                                                             302 403 403 403 403 403 200 302 302
GET    people/new                                                         302 403 403 403 403 403 200 302 302
POST   people/new                                                         302 403 403 403 403 403 422 302 302
GET    people/<uuid:pk>                                                   302 403 403 403 403 403 200 302 302
GET    people/<uuid:pk>/change                                            302 403 403 403 403 403 200 302 302
POST   people/<uuid:pk>/change                                            302 403 403 403 403 403 422 302 302
POST   people/<uuid:pk>/password                                          302 403 403 403 403 403 422 302 302
POST   people/<uuid:pk>/leave                                             302 403 403 403 403 403 302 302 302
POST   people/<uuid:pk>/roles                                             302 403 403 403 403 403 422 302 302
POST   people/<uuid:pk>/roles/<int:role>/end                              302 403 403 403 403 403 404 302 302
GET    systems                                                            302 200 200 200 200 200 200 302 302
GET    systems/new                                                        302 403 403 403 403 403 200 302 302
POST   systems/new                                                        302 403 403 403 403 403 422 302 302
GET    systems/<slug:slug>                                                302 200 200 200 200 200 200 302 302
GET    systems/<slug:slug>/change                                         302 403 403 403 403 403 200 302 302
POST   systems/<slug:slug>/change                                         302 403 403 403 403 403 422 302 302
POST   systems/<slug:slug>/versions                                       302 403 403 403 403 403 422 302 302
GET    systems/<slug:slug>/keys                                           302 403 403 403 403 403 200 302 302
POST   systems/<slug:slug>/keys                                           302 403 403 403 403 403 422 302 302
POST   systems/<slug:slug>/keys/<int:pk>/revoke                           302 403 403 403 403 403 302 302 302
GET    systems/<slug:slug>/widget                                         302 403 403 403 403 403 200 302 302
POST   systems/<slug:slug>/widget                                         302 403 403 403 403 403 422 302 302
GET    systems/<slug:slug>/widget/<int:pk>/origins                        302 403 403 403 403 403 404 302 302
POST   systems/<slug:slug>/widget/<int:pk>/origins                        302 403 403 403 403 403 404 302 302
POST   systems/<slug:slug>/widget/<int:pk>/revoke                         302 403 403 403 403 403 404 302 302
GET    notices                                                            302 200 200 200 200 200 200 302 302
POST   notices/read                                                       302 302 302 302 302 302 302 302 302
GET    notices/undelivered                                                302 403 403 403 403 403 200 302 302
GET    keys                                                               302 200 200 200 200 200 200 302 302
POST   keys                                                               302 422 422 422 422 422 422 302 302
POST   keys/<int:pk>/revoke                                               302 404 404 404 404 404 404 302 302
GET    kept                                                               302 200 200 200 200 200 200 302 302
POST   kept/mail                                                          302 302 302 302 302 302 302 302 302
GET    mail-off/<str:token>                                               200 200 200 200 200 200 200 200 200
POST   mail-off/<str:token>                                               200 200 200 200 200 200 200 200 200
GET    account/sign-in                                                    200 302 302 302 302 302 302 200 200
POST   account/sign-in                                                    200 302 302 302 302 302 302 200 200
GET    account/sign-out                                                   302 200 200 200 200 200 200 302 302
POST   account/sign-out                                                   302 302 302 302 302 302 302 302 302
GET    account/inactive                                                   200 200 200 200 200 200 200 200 200
GET    account/password                                                   302 200 200 200 200 200 200 302 302
POST   account/password                                                   302 200 200 200 200 200 200 302 302
GET    feedback/new                                                       302 200 200 200 200 200 200 302 302
POST   feedback/new                                                       302 422 422 422 422 422 422 302 302
GET    items                                                              302 200 200 200 200 200 200 302 302
GET    items/alike                                                        302 200 200 200 200 200 200 302 302
GET    items/<str:ref>                                                    302 200 200 200 200 200 200 302 302
GET    items/<str:ref>/filed                                              302 200 200 200 200 200 200 302 302
POST   items/<str:ref>/voice                                              302 302 302 302 302 302 302 302 302
POST   items/<str:ref>/reply                                              302 302 302 403 403 403 403 302 302
POST   items/<str:ref>/status                                             302 403 302 403 403 403 403 302 302
POST   items/<str:ref>/name                                               302 403 403 403 403 403 403 302 302
POST   items/<str:ref>/follow                                             302 302 302 302 302 302 302 302 302
POST   items/<str:ref>/comment                                            302 302 302 302 302 302 302 302 302
POST   items/<str:ref>/note                                               302 403 302 403 403 403 403 302 302
POST   items/<str:ref>/verdict                                            302 409 403 403 403 403 403 302 302
POST   items/<str:ref>/merge                                              302 403 422 403 403 422 403 302 302
GET    items/<str:ref>/part                                               302 403 404 403 403 404 403 302 302
POST   items/<str:ref>/part                                               302 403 404 403 403 404 403 302 302
GET    items/<str:ref>/edit                                               302 200 404 404 404 404 404 302 302
POST   items/<str:ref>/edit                                               302 422 404 404 404 404 404 302 302
GET    items/<str:ref>/replies/<int:pk>/edit                              302 404 404 404 404 404 404 302 302
POST   items/<str:ref>/replies/<int:pk>/edit                              302 404 404 404 404 404 404 302 302
GET    items/<str:ref>/edits                                              302 200 200 200 200 200 200 302 302
GET    recommendations                                                    302 200 200 200 200 200 200 302 302
GET    recommendations/<path:uid>                                         302 200 404 404 404 404 404 302 302
POST   recommendations/<path:uid>                                         302 422 404 404 404 404 404 302 302
POST   items/<str:ref>/withdraw                                           302 409 403 403 403 403 403 302 302
GET    f/<str:code>                                                       302 302 302 302 302 302 302 302 302
GET    kiosks                                                             302 403 200 403 403 403 200 302 302
GET    kiosks/new                                                         302 403 200 403 403 403 200 302 302
POST   kiosks/new                                                         302 403 422 403 403 403 422 302 302
GET    kiosks/<int:pk>                                                    302 403 200 403 403 403 200 302 302
POST   kiosks/<int:pk>/code                                               302 403 200 403 403 403 200 302 302
POST   kiosks/<int:pk>/revoke                                             302 403 302 403 403 403 302 302 302
GET    kiosks/<int:pk>/sheet                                              302 403 200 403 403 403 200 302 302
GET    kiosk/                                                             200 200 200 200 200 200 200 200 200
POST   kiosk/file                                                         403 403 403 403 403 403 403 403 403
GET    kiosk/enrol                                                        200 200 200 200 200 200 200 200 200
POST   kiosk/enrol                                                        422 422 422 422 422 422 422 422 422
GET    worker.js                                                          200 200 200 200 200 200 200 200 200
GET    anonymous/new                                                      200 200 200 200 200 200 200 200 200
POST   anonymous/items                                                    422 422 422 422 422 422 422 422 422
POST   anonymous/widget                                                   400 400 400 400 400 400 400 400 400
GET    anonymous/receipts                                                 200 200 200 200 200 200 200 200 200
POST   anonymous/receipts                                                 422 422 422 422 422 422 422 422 422
GET    pilots                                                             302 200 200 200 200 200 200 302 302
GET    pilots/new                                                         302 403 200 403 403 403 403 302 302
POST   pilots/new                                                         302 403 422 403 403 403 403 302 302
GET    pilots/<str:slug>                                                  302 200 200 200 200 200 200 302 302
GET    pilots/<str:slug>/start                                            302 403 200 403 403 403 403 302 302
POST   pilots/<str:slug>/start                                            302 403 422 403 403 403 403 302 302
GET    pilots/<str:slug>/complete                                         302 403 200 403 403 403 403 302 302
POST   pilots/<str:slug>/complete                                         302 403 422 403 403 403 403 302 302
POST   pilots/<str:slug>/ready                                            302 403 409 403 403 403 403 302 302
GET    pilots/<str:slug>/measure                                          302 403 200 403 403 403 403 302 302
POST   pilots/<str:slug>/measure                                          302 403 422 403 403 403 403 302 302
GET    pilots/<str:slug>/actions/<int:pk>                                 302 404 404 404 404 404 404 302 302
POST   pilots/<str:slug>/actions/<int:pk>                                 302 404 404 404 404 404 404 302 302
GET    pilots/<str:slug>/expand                                           302 403 200 403 403 403 403 302 302
POST   pilots/<str:slug>/expand                                           302 403 422 403 403 403 403 302 302
GET    pilots/<str:slug>/hold                                             302 403 200 403 403 200 403 302 302
POST   pilots/<str:slug>/hold                                             302 403 302 403 403 302 403 302 302
GET    pilots/<str:slug>/stop                                             302 403 200 403 200 200 403 302 302
POST   pilots/<str:slug>/stop                                             302 403 302 403 302 302 403 302 302
GET    pilots/<str:slug>/reason                                           302 403 200 403 403 403 403 302 302
POST   pilots/<str:slug>/reason                                           302 403 422 403 403 403 403 302 302
GET    pilots/<str:slug>/resume                                           302 403 200 403 200 200 403 302 302
POST   pilots/<str:slug>/resume                                           302 403 422 403 422 422 403 302 302
GET    pilots/<str:slug>/end                                              302 403 403 403 200 403 403 302 302
POST   pilots/<str:slug>/end                                              302 403 403 403 302 403 403 302 302
GET    pilots/<str:slug>/leave                                            302 200 200 200 200 200 200 302 302
POST   pilots/<str:slug>/leave                                            302 302 409 409 409 409 409 302 302
GET    pilots/<str:slug>/steps/<int:step>/receipt                         302 404 200 200 200 200 404 302 302
GET    decisions                                                          302 403 200 200 200 200 403 302 302
GET    requests/<int:pk>                                                  302 404 200 200 200 200 404 302 302
GET    requests/<int:pk>/receipt                                          302 404 404 404 404 404 404 302 302
GET    requests/<int:pk>/signatures/<int:signature>/receipt               302 404 404 404 404 404 404 302 302
POST   requests/<int:pk>/sign                                             302 404 422 422 422 422 404 302 302
POST   requests/<int:pk>/submit                                           302 404 409 403 403 403 404 302 302
GET    requests/<int:pk>/revise                                           302 404 200 403 403 403 404 302 302
POST   requests/<int:pk>/revise                                           302 404 422 403 403 403 404 302 302
GET    requests/<int:pk>/withdraw                                         302 404 200 403 403 403 404 302 302
POST   requests/<int:pk>/withdraw                                         302 404 302 403 403 403 404 302 302
GET    requests/<int:pk>/revoke                                           302 404 200 403 200 200 404 302 302
POST   requests/<int:pk>/revoke                                           302 404 409 403 409 409 404 302 302
GET    requests/<int:pk>/take-back                                        302 404 404 403 404 404 404 302 302
POST   requests/<int:pk>/take-back                                        302 404 404 403 404 404 404 302 302
POST   requests/<int:pk>/apply                                            302 404 409 403 409 409 404 302 302
POST   ofrep/v1/evaluate/flags                                            401 401 401 401 401 401 401 200 403
POST   ofrep/v1/evaluate/flags/<str:key>                                  401 401 401 401 401 401 401 200 403
GET    log/checkpoint                                                     200 200 200 200 200 200 200 200 200
GET    log/cosigned                                                       404 404 404 404 404 404 404 404 404
GET    log/keys                                                           200 200 200 200 200 200 200 200 200
GET    log/vkey                                                           200 200 200 200 200 200 200 200 200
GET    log/tile/entries/<path:path>                                       401 403 403 403 403 200 403 403 403
GET    log/tile/<path:path>                                               200 200 200 200 200 200 200 200 200
GET    audit                                                              302 403 403 403 403 200 403 302 302
GET    audit/trust                                                        302 403 403 403 403 200 403 302 302
POST   audit/trust                                                        302 403 403 403 403 422 403 302 302
POST   audit/trust/verify                                                 302 403 403 403 403 302 403 302 302
POST   audit/trust/clear-up                                               302 403 403 403 403 422 403 302 302
GET    audit/entries/<int:seq>                                            302 403 403 403 403 200 403 302 302
GET    audit/entries/<int:seq>/proof                                      302 403 403 403 403 200 403 302 302
GET    audit/views                                                       302 403 403 403 403 200 403 302 302
POST   audit/views                                                       302 403 403 403 403 422 403 302 302
GET    audit/views/<int:pk>                                              302 403 403 403 403 200 403 302 302
POST   audit/views/<int:pk>                                              302 403 403 403 403 403 403 302 302
POST   audit/views/<int:pk>/delete                                       302 403 403 403 403 403 403 302 302
POST   audit/views/<int:pk>/mail                                         302 403 403 403 403 302 403 302 302
GET    lessons                                                            302 200 200 200 200 200 200 302 302
GET    audit/review                                                       302 403 403 403 403 200 403 302 302
POST   audit/review                                                       302 403 403 403 403 422 403 302 302
GET    audit/review/<int:pk>                                              302 403 403 403 403 200 403 302 302
POST   audit/review/<int:pk>/draw                                         302 403 403 403 403 302 403 302 302
POST   audit/review/<int:pk>/judge                                        302 403 403 403 403 422 403 302 302
POST   audit/review/<int:pk>/sign                                         302 403 403 403 403 422 403 302 302
GET    audit/coverage                                                     302 403 403 403 403 200 403 302 302
GET    audit/coverage.csv                                                 302 403 403 403 403 200 403 302 302
GET    audit/records/<str:model>/<path:object_id>                         302 403 403 403 403 200 403 302 302
GET    audit/restore/<str:model>/<path:object_id>                         302 403 403 403 403 302 403 302 302
POST   audit/restore/<str:model>/<path:object_id>                         302 403 403 403 403 422 403 302 302
GET    audit/packs                                                        302 403 403 403 403 200 403 302 302
POST   audit/packs                                                        302 403 403 403 403 302 403 302 302
GET    audit/packs/new                                                    302 403 403 403 403 200 403 302 302
GET    audit/packs/<int:pk>                                               302 403 403 403 403 200 403 302 302
POST   audit/packs/<int:pk>/cancel                                        302 403 403 403 403 302 403 302 302
GET    audit/packs/<int:pk>/file                                          302 403 403 403 403 409 403 302 302
GET    audit/lists                                                        302 403 403 403 403 200 403 302 302
GET    audit/lists/<str:model>                                            302 403 403 403 403 200 403 302 302
GET    audit/subjects/<str:kind>/<path:key>                               302 403 403 403 403 200 403 302 302
GET    audit/keeping                                                      302 403 403 403 403 200 403 302 302
GET    audit/keeping/retention/<slug:name>                                302 403 403 403 403 200 403 302 302
POST   audit/keeping/retention/<slug:name>                                302 403 403 403 403 422 403 302 302
GET    audit/keeping/holds/new                                            302 403 403 403 403 200 403 302 302
POST   audit/keeping/holds/new                                            302 403 403 403 403 422 403 302 302
GET    audit/keeping/holds/<int:pk>                                       302 403 403 403 403 200 403 302 302
POST   audit/keeping/holds/<int:pk>/release                               302 403 403 403 403 422 403 302 302
POST   audit/keeping/holds/<int:pk>/confirm                               302 403 403 403 403 422 403 302 302
POST   audit/keeping/holds/<int:pk>/keep                                  302 403 403 403 403 302 403 302 302
GET    audit/keeping/erasures/new                                         302 403 403 403 403 200 403 302 302
POST   audit/keeping/erasures/new                                         302 403 403 403 403 422 403 302 302
GET    audit/keeping/erasures/<uuid:pk>                                   302 403 403 403 403 200 403 302 302
POST   audit/keeping/erasures/<uuid:pk>/confirm                           302 403 403 403 403 422 403 302 302
POST   audit/keeping/erasures/<uuid:pk>/withdraw                          302 403 403 403 403 302 403 302 302
GET    audit/keeping/erasures/<uuid:pk>/certificate.<str:ending>          302 403 403 403 403 404 403 302 302
GET    api/v1/audit/retention                                             401 403 403 403 403 200 403 403 403
GET    api/v1/audit/retention/<slug:name>                                 401 403 403 403 403 200 403 403 403
POST   api/v1/audit/retention/<slug:name>                                 401 403 403 403 403 422 403 403 403
GET    api/v1/audit/holds                                                 401 403 403 403 403 200 403 403 403
POST   api/v1/audit/holds                                                 401 403 403 403 403 422 403 403 403
GET    api/v1/audit/holds/<int:pk>                                        401 403 403 403 403 200 403 403 403
POST   api/v1/audit/holds/<int:pk>/release                                401 403 403 403 403 422 403 403 403
POST   api/v1/audit/holds/<int:pk>/confirm                                401 403 403 403 403 422 403 403 403
POST   api/v1/audit/holds/<int:pk>/keep                                   401 403 403 403 403 200 403 403 403
GET    api/v1/audit/erasures                                              401 403 403 403 403 200 403 403 403
POST   api/v1/audit/erasures                                              401 403 403 403 403 422 403 403 403
GET    api/v1/audit/erasures/<uuid:pk>                                    401 403 403 403 403 200 403 403 403
POST   api/v1/audit/erasures/<uuid:pk>/confirm                            401 403 403 403 403 422 403 403 403
POST   api/v1/audit/erasures/<uuid:pk>/withdraw                           401 403 403 403 403 200 403 403 403
"""

# What a POST carries where an empty one would not get as far as the rule.
REASON = {"reason": "Too many wrong turns"}
END = {"outcome": "ended_early", "cause": "No fuel saved", "lessons": "Measure first", "told_objectors": "Everybody was told"}
BODIES: dict[str, dict[str, Any]] = {
    "POST api/v1/pilots/<str:slug>/hold": REASON,
    "POST api/v1/pilots/<str:slug>/end": END,
    "POST api/v1/expansion-requests/<int:pk>/withdraw": REASON,
    "POST api/v1/expansion-requests/<int:pk>/signatures": {"decision": "approve", "digest": "0" * 64, "meaning": "approval"},
    "POST api/v1/items/<str:ref>/replies": {"text": "We look at it"},
    "POST api/v1/items/<str:ref>/status": {"status": "acknowledged", "words": "Seen"},
    "POST pilots/<str:slug>/hold": REASON,
    "POST pilots/<str:slug>/stop": REASON,
    "POST pilots/<str:slug>/end": END,
    "POST api/v1/items/similar": {"text": "The dock is closed on Fridays"},
    "PUT api/v1/items/<str:ref>/follow": {"choice": "follow"},
    "PUT api/v1/items/<str:ref>/verdict": {"fixed": True},
    "POST api/v1/items/<str:ref>/comments": {"text": "The same here"},
    "PUT api/v1/items/<str:ref>/text": {"text": "Dock 7 is closed"},
    "POST items/<str:ref>/follow": {"choice": "follow"},
    "POST items/<str:ref>/comment": {"text": "The same here"},
    "POST items/<str:ref>/note": {"text": "Ask the vendor"},
    "POST items/<str:ref>/verdict": {"fixed": "yes"},
    "POST items/<str:ref>/reply": {"text": "We look at it"},
    "POST items/<str:ref>/status": {"status": "acknowledged", "words": "Seen"},
    "POST items/<str:ref>/name": REASON,
    "POST ofrep/v1/evaluate/flags": {"context": {"targetingKey": "NF-117"}},
    "POST ofrep/v1/evaluate/flags/<str:key>": {"context": {"targetingKey": "NF-117"}},
    "POST requests/<int:pk>/withdraw": REASON,
    "POST requests/<int:pk>/revoke": REASON,
}


@dataclass
class World:
    """One database for the whole table: people, and one of everything that an address can name."""

    cast: Cast
    values: dict[str, dict[str, object]]
    clients: dict[str, Call] = field(default_factory=dict)


def rows() -> dict[str, list[int]]:
    """`METHOD route` -> statuses in the order of ROLES."""
    found: dict[str, list[int]] = {}
    for line in TABLE.strip().splitlines():
        method, route, *statuses = line.split()
        found[f"{method} {'' if route == '/' else route}"] = [int(status) for status in statuses]
    return found


def routes() -> Iterator[tuple[str, URLPattern]]:
    """Every route of the portal with its pattern."""

    def walk(resolver: URLResolver, before: str) -> Iterator[tuple[str, URLPattern]]:
        for pattern in resolver.url_patterns:
            here = before + str(pattern.pattern)
            if isinstance(pattern, URLPattern):
                yield here, pattern
            else:
                yield from walk(pattern, here)

    yield from walk(get_resolver(), "")


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A database of its own, committed and sealed once: the log's addresses have something to show."""
    database = clone("lastmile_permissions")
    key = tmp_path_factory.mktemp("log") / "log.key"
    with django_db_blocker.unblock():
        point_at(database.name)
        try:
            world = build()
            seal = [sys.executable, "-m", "django", "seal"]
            log = {"LOG_KEY_FILE": str(key), "DJANGO_SETTINGS_MODULE": "portal.settings", "SECRET_KEY": "only for this, and long enough"}
            subprocess.run(seal, env=database.environment | log, check=True, capture_output=True)
            size = log_size()
            tile = "000" if size >= 256 else f"000.p/{size}"
            world.values |= {"log/tile/": {"path": f"0/{tile}"}, "log/tile/entries/": {"path": tile}}
            yield world
        finally:
            connections.close_all()
            point_at(SHARED)
            drop(database)


def build() -> World:
    cast = scene.assemble()
    key = factories.key(system=cast.system, scopes=["events:write", "gate:read", "items:write"])
    uid = show_and_override(cast, key)
    with acting(cast.jo.pk, channel="page"):
        item = items.file(actor=cast.jo, system=cast.system, kind="problem", text="Dock 7 is closed on Fridays", identity="named")
    pilot = governance.complete(cast, governance.started(cast))
    request = governance.ask_to_widen(cast, pilot)
    with acting(cast.mara.pk, channel="page"):
        kiosk = kiosks.make(actor=cast.mara, name="Dock 4", unit=cast.northfield, system=cast.system)
    own_key = ApiKey.objects.get(system=cast.system)
    with acting(cast.tom.pk, channel="page"):
        hold = keeping_holds.place(actor=cast.tom.pk, kind="person", what=cast.jo.staff_number, reason="Case 7")
        erasure = keeping_erasure.ask(actor=cast.tom.pk, person=cast.outsider.staff_number, why="asked")
    values: dict[str, dict[str, object]] = {
        "units/": {"pk": cast.northfield.pk},
        "people/": {"pk": cast.jo.pk, "role": 0},
        "systems/": {"slug": cast.system.slug, "pk": own_key.pk},
        "keys/": {"pk": 0},
        "mail-off/": {"token": mail_off_token(cast.jo)},
        "items/": {"ref": item.ref, "pk": 0},
        "kiosks/": {"pk": kiosk.pk},
        "f/": {"code": kiosk.code},
        "recommendations/": {"uid": uid},
        "pilots/": {"slug": pilot.slug, "pk": 0, "step": pilot.transitions.latest("id").pk},
        "requests/": {"pk": request.pk, "signature": 0},
        "widget/": {"uid": uid},
        "expansion-requests/": {"pk": request.pk},
        "ofrep/v1/evaluate/flags/": {"key": pilot.slug},
        "audit/entries/": {"seq": 0},
        "audit/keeping/retention/": {"name": "act"},
        "audit/retention/": {"name": "act"},
        "audit/keeping/holds/": {"pk": hold.pk},
        "audit/holds/": {"pk": hold.pk},
        "audit/keeping/erasures/": {"pk": erasure.pk, "ending": "txt"},
        "audit/erasures/": {"pk": erasure.pk},
        "audit/views/": {"pk": shared_view(cast).pk},
        "audit/records/": {"model": "portal.unit", "object_id": cast.northfield.pk},
        "audit/objects/": {"model": "portal.unit", "object_id": cast.northfield.pk},
        "audit/restore/": {"model": "portal.unit", "object_id": cast.northfield.pk},
        "audit/packs/": {"pk": waiting_pack(cast)},
        "audit/review/": {"pk": (review := begun_review(cast))},
        "audit/reviews/": {"pk": review},
        "audit/lists/": {"model": "portal.unit"},
        "audit/subjects/": {"kind": "pilot", "key": pilot.slug},
        "audit/pilots/": {"slug": pilot.slug},
    }
    world = World(cast, values)
    people = (None, cast.jo, cast.mara, cast.priya, cast.helen, cast.tom, cast.sam)
    for role, person in zip(ROLES, people, strict=False):
        world.clients[role] = caller(person)
    world.clients["system key"] = caller(None, key)
    world.clients["personal key"] = caller(None, factories.key(person=cast.jo, scopes=["read", "write", "audit:read"]))
    return world


def shared_view(cast: Cast) -> SavedView:
    """A view that somebody else in compliance keeps and shares: its owner alone may change it."""
    owner = factories.person("Ida Berg", cast.company)
    factories.role(owner, Role.COMPLIANCE, cast.company)
    return save_view(actor=owner.pk, name="What Mara does", query="actor:mara", shared=True)


def begun_review(cast: Cast) -> int:
    """The key of a review of the first entry, not drawn yet."""
    with acting(cast.tom.pk, channel="page"):
        return Review.objects.create(reviewer=cast.tom.pk, purpose="The first one", first=0, stop=1, sample=1, begun_at=clock.now()).pk


def waiting_pack(cast: Cast) -> int:
    """The key of an export pack that nobody has begun to make."""
    with acting(cast.tom.pk, channel="page"):
        return asking.ask(Choice("all"), actor=cast.tom.pk).pk


def show_and_override(cast: Cast, key: str) -> str:
    """Jo overrides a recommendation with words of her own; answers the recommendation's id."""
    uid = UID
    shown = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "route-optimiser",
        "type": "ai.lastmile.recommendation.shown.v1",
        "subject": uid,
        "time": clock.now().isoformat(),
        "data": {"person": cast.jo.staff_number, "kind": "route", "version": "2.4.0", "proposal": "Turn left", "confidence": 0.7},
    }
    send = caller(None, key, "application/cloudevents+json")
    answer = send("POST", "/api/v1/events", shown)
    assert answer.status_code == 200, answer.content
    page = f"/recommendations/{uid}"
    jo = caller(cast.jo)
    assert jo("POST", page, {"do": "overridden"}).status_code == 302
    assert jo("POST", page, {"do": "reason", "reason": "local_knowledge", "text": CANARY}).status_code in {200, 302}
    assert CANARY in jo("GET", page, {}).content.decode()
    assert Recommendation.objects.get(uid=uid).person == cast.jo
    return uid


def caller(person: Person | None, key: str = "", json_type: str = "application/json") -> Call:
    """Sends requests as one role. Each by a browser of its own: a sign-out in one row must not reach the next."""
    cookies: dict[str, str] = {}
    if person is not None:
        signed_in = Client()
        signed_in.force_login(person, backend="portal.backends.RoleBackend")
        cookies = {name: cookie.value for name, cookie in signed_in.cookies.items()}
    headers = {"Authorization": f"Bearer {key}"} if key else {}

    def call(method: str, path: str, body: dict[str, Any]) -> Answer:
        client = Client()
        client.cookies.load(cookies)
        if method == "GET":
            return client.get(path, headers=headers)
        if method == "POST" and not path.startswith(("/api/", "/ofrep/")):
            return client.post(path, body or {"nothing": "useful"}, headers=headers)
        return client.generic(method, path, json.dumps(body), content_type=json_type, headers=headers)

    return call


def address(world: World, route: str) -> str:
    """The address of one thing under `route`."""
    known: dict[str, object] = {}
    for prefix, values in world.values.items():
        if route.removeprefix("api/v1/").startswith(prefix):
            known |= values
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda match: str(known[match.group(1)]), route)


def statuses(world: World, method: str, route: str) -> list[int]:
    found = []
    for role in ROLES:
        with transaction.atomic():
            answer = world.clients[role](method, address(world, route), BODIES.get(f"{method} {route}", {}))
            found.append(answer.status_code)
            transaction.set_rollback(True)
    return found


@pytest.mark.parametrize("row", rows())
def test_route__every_role__gets_what_the_table_says(world: World, row: str) -> None:
    method, _, route = row.partition(" ")
    assert dict(zip(ROLES, statuses(world, method, route), strict=True)) == dict(zip(ROLES, rows()[row], strict=True))


# The table is with LOG_READERS=hashes, the default. With `entries` these change, and nothing else below /log/.
WITH_ENTRIES_FOR_ALL = {"GET log/tile/entries/<path:path>": [200] * 9}


@pytest.mark.parametrize("row", [row for row in rows() if row.startswith("GET log/")])
def test_log__with_entries_for_all__gets_what_the_table_says(world: World, row: str, settings: Settings) -> None:
    settings.LOG_READERS = "entries"
    wanted = WITH_ENTRIES_FOR_ALL.get(row, rows()[row])
    assert statuses(world, "GET", row.partition(" ")[2]) == wanted


def methods_of(world: World, route: str, pattern: URLPattern) -> set[str]:
    """The methods that a route takes, asked of itself: a method that no page has is answered with `Allow`."""
    view = getattr(pattern.callback, "cls", None)
    if view is not None:
        return {name for name in ("GET", "POST", "PUT", "PATCH", "DELETE") if hasattr(view, name.lower())}
    for role in ROLES[:7]:
        with transaction.atomic():
            answer = world.clients[role]("BREW", address(world, route), {})
            transaction.set_rollback(True)
        if answer.status_code == 405:
            return {name.strip() for name in answer["Allow"].split(",")} - {"HEAD", "OPTIONS", "PUT"}
    return {"GET"}


def test_table__every_route_and_method__has_a_row(world: World) -> None:
    wanted = {f"{method} {route}" for route, pattern in routes() for method in methods_of(world, route, pattern)}
    assert wanted - set(rows()) == set(), "routes without a row"
    assert {row.partition(" ")[2] for row in rows()} - {route for route, _pattern in routes()} == set(), "rows without a route"


def test_table__every_view__says_who_may(world: World) -> None:
    silent = []
    for route, pattern in routes():
        view = getattr(pattern.callback, "cls", None)
        if view is None:
            if not getattr(pattern.callback, "access", None):
                silent.append(route)
        elif Allowed not in view.permission_classes and route != "api/v1/schema":
            silent.append(route)
    assert silent == []


# What is never shown: nobody but Jo sees what Jo decided, in which words, or when.

OTHERS = ("lead", "sponsor", "executive", "compliance", "administrator")
SEARCHES = [
    "/items?q=canary",
    "/api/v1/items?q=canary",
    "/recommendations",
    "/recommendations?person={jo}",
    "/people?text=canary",
    "/people/{jo}",
    "/audit?q=canary",
    "/audit?q=actor:{jo}",
    "/audit?actor={jo}",
    "/api/v1/audit/entries?q=canary",
    "/api/v1/audit/entries?actor={jo}",
    "/api/v1/recommendations/{uid}",
    "/api/v1/recommendations/{uid}?person={jo}",
    "/audit/records/portal.person/{jo}",
    "/audit/records/feedback.recommendation/1",
    "/audit/records/feedback.outcome/1",
]


def reads(world: World) -> list[str]:
    """Every address that a GET of the table has, and the searches that someone curious would try."""
    asked = [address(world, row.partition(" ")[2]) for row in rows() if row.startswith("GET ")]
    return asked + [search.format(jo=world.cast.jo.pk, uid=UID) for search in SEARCHES]


@pytest.mark.parametrize("role", OTHERS)
def test_never_shown__a_named_persons_decisions__to_anyone_else(world: World, role: str) -> None:
    shown = []
    for path in reads(world):
        with transaction.atomic():
            content = b"".join(world.clients[role]("GET", path, {})).decode(errors="replace")
            transaction.set_rollback(True)
        # What was asked for may be repeated in a search field.
        content = content.replace(path, "").replace("q=canary", "")
        if CANARY in content or UID in content.replace(f"recommendations/{UID}", ""):
            shown.append(path)
    assert shown == []


@pytest.mark.parametrize("scopes", [["events:write"], ["events:write", "gate:read", "items:write"]])
def test_never_shown__a_named_persons_decisions__to_a_system_key_that_an_administrator_issues(world: World, scopes: list[str]) -> None:
    with transaction.atomic():
        issued = world.clients["administrator"](
            "POST", f"/api/v1/systems/{world.cast.system.slug}/keys", {"label": "curious", "scopes": scopes}
        )
        assert issued.status_code == 201, issued.content
        answer = caller(None, issued.json()["key"])("GET", f"/api/v1/recommendations/{UID}", {})
        transaction.set_rollback(True)
    assert answer.status_code == 200
    assert answer.json()["proposal"] == "Turn left"
    told = answer.content.decode()
    assert not {"person", "outcome", "outcomes", "reason", "items", "shown_to"} & set(answer.json())
    for secret in (CANARY, "overridden", "local_knowledge", world.cast.jo.staff_number, str(world.cast.jo.pk), "Okafor"):
        assert secret not in told


def test_never_shown__own_decisions__to_the_person_alone(world: World) -> None:
    own = f"/recommendations/{UID}"
    assert CANARY in world.clients["employee"]("GET", own, {}).content.decode()
    assert world.clients["personal key"]("GET", f"/api/v1{own}", {}).status_code == 200


def test_never_shown__the_trail__holds_neither_the_words_nor_the_moment(world: World) -> None:
    assert not Payload.objects.filter(body__contains=CANARY).exists()
    entries = Entry.objects.filter(actor=world.cast.jo.pk)
    assert set(entries.values_list("model", flat=True)) <= {"feedback.item", "feedback.voice", "portal.person"}


def test_never_shown__a_key_made_by_an_administrator__acts_as_nobody_else(world: World) -> None:
    answer = world.clients["administrator"](
        "POST", "/keys", {"label": "x", "scopes": ["read"], "days": "1", "person": str(world.cast.jo.pk)}
    )
    assert answer.status_code == 200
    assert not ApiKey.objects.filter(person=world.cast.jo, label="x").exists()
