package progress

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// Incidents returns the rehearsals, the latest first.
func (p *Progress) Incidents(ctx context.Context) (_ []Incident, err error) {
	rows, err := p.db.QueryContext(ctx, "SELECT id, at, result FROM incident ORDER BY id DESC LIMIT 200")
	if err != nil {
		return nil, fmt.Errorf("list rehearsals: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	out := []Incident{}
	for rows.Next() {
		var id, at int64
		var text string
		if err := rows.Scan(&id, &at, &text); err != nil {
			return nil, fmt.Errorf("list rehearsals: %w", err)
		}
		one := Incident{ID: uint64(id), At: time.UnixMilli(at)}
		if err := json.Unmarshal([]byte(text), &one.Result); err != nil {
			return nil, fmt.Errorf("rehearsal %d: %w", id, err)
		}
		out = append(out, one)
	}
	return out, rows.Err()
}

var _ live.IncidentKeeper = (*Progress)(nil)
