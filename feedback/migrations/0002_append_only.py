"""What the database itself refuses: events, outcomes and recommendations are added, never changed or deleted.

Three changes are let through: an event's body and salt may be erased (both, to nothing; its proof stands), an outcome
that waited may be given its recommendation, once, and a recommendation repeats the outcome that is effective now. The
routines that erase (audit/keeping/eraser.py) may also blank what somebody wrote.
"""

from __future__ import annotations

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION feedback_append_only() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION feedback_event_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.body IS NULL AND NEW.salt IS NULL AND to_jsonb(NEW) - 'body' - 'salt' = to_jsonb(OLD) - 'body' - 'salt' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'an event is never changed; its body and salt may be erased' USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION feedback_outcome_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF audit_is_erasing() THEN
        RETURN NEW;
    END IF;
    IF OLD.recommendation_id IS NULL AND to_jsonb(NEW) - 'recommendation_id' = to_jsonb(OLD) - 'recommendation_id' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'an outcome is never changed; a later one supersedes it' USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION feedback_recommendation_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF audit_is_erasing() THEN
        RETURN NEW;
    END IF;
    IF to_jsonb(NEW) - 'outcome' - 'reason' - 'decided_at' = to_jsonb(OLD) - 'outcome' - 'reason' - 'decided_at' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'what was recommended is never changed; only its effective outcome is' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER feedback_event_changed BEFORE UPDATE ON feedback_event FOR EACH ROW EXECUTE FUNCTION feedback_event_guard();
CREATE TRIGGER feedback_outcome_changed BEFORE UPDATE ON feedback_outcome FOR EACH ROW EXECUTE FUNCTION feedback_outcome_guard();
CREATE TRIGGER feedback_batch_changed BEFORE UPDATE ON feedback_eventbatch FOR EACH ROW EXECUTE FUNCTION feedback_append_only();
CREATE TRIGGER feedback_recommendation_changed BEFORE UPDATE ON feedback_recommendation
    FOR EACH ROW EXECUTE FUNCTION feedback_recommendation_guard();
CREATE TRIGGER feedback_recommendation_kept BEFORE DELETE OR TRUNCATE ON feedback_recommendation EXECUTE FUNCTION feedback_append_only();
CREATE TRIGGER feedback_event_kept BEFORE DELETE OR TRUNCATE ON feedback_event EXECUTE FUNCTION feedback_append_only();
CREATE TRIGGER feedback_outcome_kept BEFORE DELETE OR TRUNCATE ON feedback_outcome EXECUTE FUNCTION feedback_append_only();
CREATE TRIGGER feedback_batch_kept BEFORE DELETE OR TRUNCATE ON feedback_eventbatch EXECUTE FUNCTION feedback_append_only();

ALTER TABLE feedback_event ENABLE ALWAYS TRIGGER feedback_event_changed;
ALTER TABLE feedback_outcome ENABLE ALWAYS TRIGGER feedback_outcome_changed;
ALTER TABLE feedback_eventbatch ENABLE ALWAYS TRIGGER feedback_batch_changed;
ALTER TABLE feedback_recommendation ENABLE ALWAYS TRIGGER feedback_recommendation_changed;
ALTER TABLE feedback_recommendation ENABLE ALWAYS TRIGGER feedback_recommendation_kept;
ALTER TABLE feedback_event ENABLE ALWAYS TRIGGER feedback_event_kept;
ALTER TABLE feedback_outcome ENABLE ALWAYS TRIGGER feedback_outcome_kept;
ALTER TABLE feedback_eventbatch ENABLE ALWAYS TRIGGER feedback_batch_kept;
"""

BACK = """
DROP TRIGGER feedback_event_changed ON feedback_event;
DROP TRIGGER feedback_outcome_changed ON feedback_outcome;
DROP TRIGGER feedback_batch_changed ON feedback_eventbatch;
DROP TRIGGER feedback_event_kept ON feedback_event;
DROP TRIGGER feedback_outcome_kept ON feedback_outcome;
DROP TRIGGER feedback_batch_kept ON feedback_eventbatch;
DROP TRIGGER feedback_recommendation_changed ON feedback_recommendation;
DROP TRIGGER feedback_recommendation_kept ON feedback_recommendation;
DROP FUNCTION feedback_recommendation_guard();
DROP FUNCTION feedback_event_guard();
DROP FUNCTION feedback_outcome_guard();
DROP FUNCTION feedback_append_only();
"""


class Migration(migrations.Migration):
    dependencies = (("feedback", "0001_initial"), ("audit", "0003_keeping"))

    operations = (migrations.RunSQL(FUNCTIONS, BACK),)
