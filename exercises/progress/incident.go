package progress

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"workbench/lab/incident"
	"workbench/lab/live"
)

// Incident is one rehearsal of being on call that was held.
type Incident struct {
	ID uint64
	At time.Time // when it ended
	incident.Result
}

// KeepIncident implements live.IncidentKeeper.
func (p *Progress) KeepIncident(ctx context.Context, at time.Time, r incident.Result) error {
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("keep rehearsal: %w", err)
	}
	if _, err := p.db.ExecContext(ctx, "INSERT INTO incident (at, cause, solved, result) VALUES (?, ?, ?, ?)", at.UnixMilli(), r.Cause.Name, r.Solved, string(text)); err != nil {
		return fmt.Errorf("keep rehearsal: %w", err)
	}
	return nil
}

const incidentColumns = "id, at, result"

// Incidents returns the rehearsals, the latest first.
func (p *Progress) Incidents(ctx context.Context) ([]Incident, error) {
	rows, err := p.db.QueryContext(ctx, "SELECT "+incidentColumns+" FROM incident ORDER BY id DESC LIMIT 200")
	out, err := list(p, rows, err, scanIncident)
	if err != nil {
		return nil, fmt.Errorf("list rehearsals: %w", err)
	}
	return out, nil
}

// scanIncident reads one row of incidentColumns.
func scanIncident(s scan) (Incident, error) {
	var id, at int64
	var text string
	if err := s(&id, &at, &text); err != nil {
		return Incident{}, err
	}
	one := Incident{ID: uint64(id), At: time.UnixMilli(at)}
	err := cell{"incident", strconv.FormatInt(id, 10), "result"}.decode(text, &one.Result)
	return one, err
}

var _ live.IncidentKeeper = (*Progress)(nil)
