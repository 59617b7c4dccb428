package web

import (
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"time"

	"workbench/lab/live"
	"workbench/web/page"
	"workbench/web/view"
)

// DatabaseLab is what the page of the database needs of the lab.
type DatabaseLab interface {
	State() live.State
	SetDatabase(ctx context.Context, changes map[string]any) (live.State, error)
	SetFault(ctx context.Context, name string, c live.FaultChange) (live.State, error)
}

// DatabaseRoom is the page of the service's database, and its address in the
// API. The page works by forms alone.
func DatabaseRoom(lab DatabaseLab) Room {
	return Room{Title: "Database", Path: "/database", API: []string{"/api/lab/database"}, Open: func(s *Server) http.Handler {
		d := &databaseRoom{server: s, lab: lab}
		mux := http.NewServeMux()
		mux.HandleFunc("GET /database", d.page)
		mux.HandleFunc("POST /database", d.form)
		mux.HandleFunc("PUT /api/lab/database", d.put)
		return mux
	}}
}

type databaseRoom struct {
	server *Server
	lab    DatabaseLab
}

func (d *databaseRoom) page(w http.ResponseWriter, r *http.Request) {
	if err := d.server.Render(w, r, http.StatusOK, page.Database(d.server.Site("/database", "Database", ""), view.DatabaseOf(d.lab.State()))); err != nil {
		d.server.refuse(w, err)
	}
}

// put makes a change for programs.
func (d *databaseRoom) put(w http.ResponseWriter, r *http.Request) {
	var changes map[string]any
	err := decode(w, r, &changes, false)
	var state live.State
	if err == nil {
		state, err = d.lab.SetDatabase(r.Context(), changes)
	}
	if err != nil {
		d.server.refuse(w, err)
		return
	}
	body, err := json.Marshal(state)
	if err != nil {
		d.server.refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if _, err := w.Write(append(body, '\n')); err != nil {
		d.server.cfg.Log.Debug("answer not written", "error", err)
	}
}

// maxDatabaseForm is the longest form in bytes.
const maxDatabaseForm = 4 << 10

// form makes a change for people.
func (d *databaseRoom) form(w http.ResponseWriter, r *http.Request) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		d.server.refuse(w, errMediaType)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxDatabaseForm)
	if err := r.ParseForm(); err != nil {
		d.server.refuse(w, fmt.Errorf("%w: %w", errMalformed, err))
		return
	}
	if err := d.change(r); err != nil {
		if again, ok := refused(r, "", err); ok {
			d.page(w, again)
			return
		}
		d.server.refuse(w, err)
		return
	}
	http.Redirect(w, r, "/database", http.StatusSeeOther)
}

func (d *databaseRoom) change(r *http.Request) error {
	switch r.PostForm.Get("change") {
	case "settings":
		changes := map[string]any{}
		for name, values := range r.PostForm {
			if name != "change" {
				changes[name] = values[0]
			}
		}
		_, err := d.lab.SetDatabase(r.Context(), changes)
		return err
	case "lag":
		c := live.FaultChange{On: r.PostForm.Get("on") == "true"}
		if by := r.PostForm.Get("by"); c.On && by != "" {
			var err error
			if c.By, err = time.ParseDuration(by); err != nil {
				return &live.FieldError{Field: "by", Got: fmt.Sprintf("%q", by), Want: "a duration such as 500ms or 2s"}
			}
		}
		_, err := d.lab.SetFault(r.Context(), "replica-lag", c)
		return err
	}
	return &live.FieldError{Field: "change", Got: fmt.Sprintf("%q", r.PostForm.Get("change")), Want: "settings or lag"}
}
