// Package progress keeps what a learner did in one SQLite file: the runs of the
// lab with their predictions, attempts at exercises
// with drafts and hints, and answers to interview questions. It is the only place with SQL for learner state.
//
// A run is on disk before Keep returns (WAL, synchronous=FULL). A row that
// cannot be read is left out of the lists, noted and kept until Mend; an import
// with one is refused.
package progress

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"workbench/lab/live"
	"workbench/lab/scenario"
	"workbench/lab/store/sqlite"
)

// Progress is an open file. Its methods are safe for concurrent use.
type Progress struct {
	db *sql.DB

	mu     sync.Mutex
	unread map[string]*RowError // guarded by mu; rows that were left out, by table and row
	log    *slog.Logger         // guarded by mu; nil: nobody reads it
}

// migrations returns the steps that bring an older file up to date; the file's
// user_version says how many it has seen. They are never edited, only added to.
func migrations() []string {
	return []string{
		`CREATE TABLE run (
			id       INTEGER PRIMARY KEY AUTOINCREMENT,
			ended    INTEGER NOT NULL, -- Unix milliseconds
			scenario TEXT NOT NULL,
			summary  TEXT NOT NULL,    -- live.RunSummary as JSON, without its ID
			report   TEXT NOT NULL     -- scenario.Report as JSON
		) STRICT;`,
		`CREATE TABLE attempt (
			id      INTEGER PRIMARY KEY AUTOINCREMENT,
			slug    TEXT NOT NULL,
			at      INTEGER NOT NULL, -- Unix milliseconds
			state   TEXT NOT NULL,    -- attempt.State
			tries   INTEGER NOT NULL, -- gradings begun
			files   TEXT NOT NULL,    -- by name, as JSON
			passed  INTEGER NOT NULL,
			verdict TEXT NOT NULL     -- as JSON; empty: none yet
		) STRICT;
		CREATE INDEX attempt_slug ON attempt (slug, id);
		CREATE TABLE draft (
			slug    TEXT PRIMARY KEY,
			at      INTEGER NOT NULL,
			version INTEGER NOT NULL, -- grows with each save
			files   TEXT NOT NULL
		) STRICT;
		CREATE TABLE hint (
			slug  TEXT NOT NULL,
			task  TEXT NOT NULL,
			rungs INTEGER NOT NULL,
			at    INTEGER NOT NULL,
			PRIMARY KEY (slug, task)
		) STRICT;`,
		`CREATE TABLE answer (
			id       INTEGER PRIMARY KEY AUTOINCREMENT,
			at       INTEGER NOT NULL,
			question TEXT NOT NULL,
			text     TEXT NOT NULL,
			elapsed  INTEGER NOT NULL, -- milliseconds; 0: not measured
			evidence TEXT NOT NULL,
			rulings  TEXT NOT NULL,
			total    INTEGER NOT NULL,
			result   TEXT NOT NULL
		) STRICT;
		CREATE INDEX answer_question ON answer (question, id);
		CREATE TABLE card (
			id    TEXT PRIMARY KEY,
			due   INTEGER NOT NULL,
			state TEXT NOT NULL
		) STRICT;`,
		`CREATE TABLE incident (
			id     INTEGER PRIMARY KEY AUTOINCREMENT,
			at     INTEGER NOT NULL, -- Unix milliseconds
			cause  TEXT NOT NULL,
			solved INTEGER NOT NULL,
			result TEXT NOT NULL     -- incident.Result as JSON
		) STRICT;`,
		`CREATE TABLE trial (
			id      INTEGER PRIMARY KEY AUTOINCREMENT,
			began   INTEGER NOT NULL, -- Unix milliseconds
			subject TEXT NOT NULL,
			run     TEXT NOT NULL     -- runner.Run as JSON, without its ID
		) STRICT;
		CREATE INDEX trial_subject ON trial (subject, id);`,
		`CREATE TABLE plug (
			pattern TEXT PRIMARY KEY, -- in whose place the answer decides
			slug    TEXT NOT NULL,
			digest  TEXT NOT NULL,
			files   TEXT NOT NULL     -- by name, as JSON
		) STRICT;`,
	}
}

// Open opens the file at path and makes it if it is not there. A file from a
// newer version of the program is refused and left as it is.
func Open(ctx context.Context, path string) (*Progress, error) {
	db, err := sql.Open("sqlite", sqlite.Source(path, "journal_mode(wal)", "synchronous(full)")+"&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(1) // SQLite has one writer; a queue here is better than a busy error there
	p := &Progress{db: db}
	if err := p.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close())
	}
	return p, nil
}

func (p *Progress) migrate(ctx context.Context) error {
	var have int
	if err := p.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil {
		return err
	}
	steps := migrations()
	if have > len(steps) {
		return fmt.Errorf("the file was written by a newer version of the workbench (format %d, this one knows %d): update the program or choose another --data directory", have, len(steps))
	}
	for i := have; i < len(steps); i++ {
		tx, err := p.db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, steps[i]+fmt.Sprintf("PRAGMA user_version = %d", i+1)); err != nil {
			return errors.Join(fmt.Errorf("migration %d: %w", i+1, err), tx.Rollback())
		}
		if err := tx.Commit(); err != nil {
			return fmt.Errorf("migration %d: %w", i+1, err)
		}
	}
	return nil
}

// Close closes the file.
func (p *Progress) Close() error { return p.db.Close() }

// Keep implements live.Keeper.
func (p *Progress) Keep(ctx context.Context, s live.RunSummary, r scenario.Report) error {
	s.ID = 0
	summary, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("keep run: %w", err)
	}
	report, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("keep run: %w", err)
	}
	_, err = p.db.ExecContext(ctx, "INSERT INTO run (ended, scenario, summary, report) VALUES (?, ?, ?, ?)",
		s.At.UnixMilli(), s.Scenario, string(summary), string(report))
	if err != nil {
		return fmt.Errorf("keep run: %w", err)
	}
	return nil
}

// runsListed is how many runs the history shows.
const runsListed = 100

// Runs implements live.Keeper. It lists at most the last 100.
func (p *Progress) Runs(ctx context.Context) ([]live.RunSummary, error) {
	rows, err := p.db.QueryContext(ctx, "SELECT id, ended, summary FROM run ORDER BY id DESC LIMIT ?", runsListed)
	out, err := list(p, rows, err, scanRun)
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	return out, nil
}

// scanRun reads a run's number, end and summary.
func scanRun(s scan) (live.RunSummary, error) {
	var r live.RunSummary
	var id, ended int64
	var summary string
	if err := s(&id, &ended, &summary); err != nil {
		return r, err
	}
	at := cell{"run", strconv.FormatInt(id, 10), "summary"}
	if err := at.decode(summary, &r); err != nil {
		return r, err
	}
	r.ID, r.At = uint64(id), time.UnixMilli(ended)
	return r, oneOf(at, r.Prediction, "", "right", "wrong")
}

// readReport reads a run's report.
func readReport(id uint64, text string) (scenario.Report, error) {
	var r scenario.Report
	err := cell{"run", strconv.FormatUint(id, 10), "report"}.decode(text, &r)
	return r, err
}

// Run implements live.Keeper.
func (p *Progress) Run(ctx context.Context, id uint64) (scenario.Report, error) {
	var report string
	err := p.db.QueryRowContext(ctx, "SELECT report FROM run WHERE id = ?", int64(id)).Scan(&report)
	if errors.Is(err, sql.ErrNoRows) {
		return scenario.Report{}, fmt.Errorf("%w: run %d", live.ErrUnknown, id)
	}
	if err != nil {
		return scenario.Report{}, fmt.Errorf("read run %d: %w", id, err)
	}
	r, err := readReport(id, report)
	var row *RowError
	if errors.As(err, &row) {
		p.note(row)
	}
	return r, err
}

var _ live.Keeper = (*Progress)(nil)
