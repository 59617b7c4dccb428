package view

// SeenTabs lists the pages about what is seen of the service.
func SeenTabs(here string) []Tab {
	all := []Tab{
		{Title: "Signals", Path: "/signals"}, {Title: "Traces", Path: "/traces"}, {Title: "Logs", Path: "/logs"},
		{Title: "Alerts", Path: "/alerts"}, {Title: "Series", Path: "/series"}, {Title: "Incident", Path: "/incident"},
	}
	for i := range all {
		all[i].Here = all[i].Path == here
	}
	return all
}
