package intercom

import (
	"net/http"
	"strings"

	"github.com/underlimit/underlimit/providers"
)

// other is the route of a request that is not in the table.
var other = route{name: "other"}

// routeOf returns the method and the template of a documented request, or other.
func routeOf(method, path string) route {
	if method == "" {
		method = http.MethodGet
	}
	path = strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/")
	first, _, _ := strings.Cut(path, "/")
	some := routes[start{method, first, strings.Count(path, "/")}]
	for i := range some {
		if matches(some[i].template, path) {
			return some[i]
		}
	}
	return other
}

// matches says whether a path is one of a template's, in which {…} stands for any one segment.
func matches(template, path string) bool {
	for {
		want, template2, moreWanted := strings.Cut(template, "/")
		got, path2, more := strings.Cut(path, "/")
		if more != moreWanted || got == "" || got != want && want[0] != '{' {
			return false
		}
		if !more {
			return true
		}
		template, path = template2, path2
	}
}

// A start is where the routes of a request are looked for: its method, the first segment of its path, and how many follow.
type start struct {
	method, segment string
	slashes         int
}

type route struct {
	template, name string
	repeat         providers.Repeat
}

// postEvents is the route of events, of which Intercom takes the same one but once.
const postEvents = "POST /events"

// repeats are the routes of which the method does not tell whether they may be sent twice.
var repeats = map[string]providers.Repeat{
	// These only read.
	"POST /calls/search":         providers.Always,
	"POST /companies/list":       providers.Always,
	"POST /contacts/search":      providers.Always,
	"POST /conversations/search": providers.Always,
	"POST /tickets/search":       providers.Always,

	// This one moves on. Once a page was lost, one has to begin anew, and has to know it.
	// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/companies/scrolloverallcompanies
	"GET /companies/scroll": providers.Never,
}

var routes = parse(table)

// parse indexes a table; of several templates that match, the first row has the request.
func parse(table string) map[start][]route {
	index := map[start][]route{}
	for row := range strings.Lines(table) {
		template, methods, ok := strings.Cut(strings.TrimSpace(row), " ")
		if !ok {
			continue
		}
		first, _, _ := strings.Cut(template[1:], "/")
		for method := range strings.FieldsSeq(methods) {
			at := start{method, first, strings.Count(template[1:], "/")}
			name := method + " " + template
			index[at] = append(index[at], route{template: template[1:], name: name, repeat: repeats[name]})
		}
	}
	return index
}

// table is what Intercom documents. https://developers.intercom.com/docs/references/rest-api/api.intercom.io
const table = `
/me GET
/admins GET
/admins/activity_logs GET
/admins/{id} GET
/admins/{id}/away PUT
/ai/content_import_sources GET POST
/ai/content_import_sources/{id} GET PUT DELETE
/ai/external_pages GET POST
/ai/external_pages/{id} GET PUT DELETE
/articles GET POST
/articles/search GET
/articles/{id} GET PUT DELETE
/away_status_reasons GET
/brands GET
/brands/{id} GET
/calls GET
/calls/search POST
/calls/{id} GET
/calls/{id}/recording GET
/calls/{id}/transcript GET
/companies GET POST
/companies/list POST
/companies/scroll GET
/companies/{id} GET PUT DELETE
/companies/{id}/contacts GET
/companies/{id}/notes GET
/companies/{id}/segments GET
/contacts GET POST
/contacts/merge POST
/contacts/search POST
/contacts/find_by_external_id/{id} GET
/contacts/{id} GET PUT DELETE
/contacts/{id}/archive POST
/contacts/{id}/block POST
/contacts/{id}/unarchive POST
/contacts/{id}/companies GET POST
/contacts/{id}/companies/{id} DELETE
/contacts/{id}/notes GET POST
/contacts/{id}/segments GET
/contacts/{id}/subscriptions GET POST
/contacts/{id}/subscriptions/{id} DELETE
/contacts/{id}/tags GET POST
/contacts/{id}/tags/{id} DELETE
/conversations GET POST
/conversations/redact POST
/conversations/search POST
/conversations/{id} GET PUT DELETE
/conversations/{id}/convert POST
/conversations/{id}/customers POST
/conversations/{id}/customers/{id} DELETE
/conversations/{id}/parts POST
/conversations/{id}/reply POST
/conversations/{id}/run_assignment_rules POST
/conversations/{id}/tags POST
/conversations/{id}/tags/{id} DELETE
/custom_object_instances/{type} GET POST DELETE
/custom_object_instances/{type}/{id} GET DELETE
/data_attributes GET POST
/data_attributes/{id} PUT
/download/content/data/{id} GET
/download/reporting_data/{id} GET
/emails GET
/emails/{id} GET
/events GET POST
/events/summaries POST
/export/cancel/{id} POST
/export/content/data POST
/export/content/data/{id} GET
/export/reporting_data/enqueue POST
/export/reporting_data/get_datasets GET
/export/reporting_data/{id} GET
/help_center/collections GET POST
/help_center/collections/{id} GET PUT DELETE
/help_center/help_centers GET
/help_center/help_centers/{id} GET
/internal_articles GET POST
/internal_articles/search GET
/internal_articles/{id} GET PUT DELETE
/ip_allowlist GET PUT
/jobs/status/{id} GET
/macros GET
/macros/{id} GET
/messages POST
/news/news_items GET POST
/news/news_items/{id} GET PUT DELETE
/news/newsfeeds GET
/news/newsfeeds/{id} GET
/news/newsfeeds/{id}/items GET
/notes/{id} GET
/phone_call_redirects POST
/segments GET
/segments/{id} GET
/subscription_types GET
/tags GET POST
/tags/{id} GET DELETE
/teams GET
/teams/{id} GET
/ticket_states GET
/ticket_types GET POST
/ticket_types/{id} GET PUT
/ticket_types/{id}/attributes POST
/ticket_types/{id}/attributes/{id} PUT
/tickets POST
/tickets/enqueue POST
/tickets/search POST
/tickets/{id} GET PUT DELETE
/tickets/{id}/reply POST
/tickets/{id}/tags POST
/tickets/{id}/tags/{id} DELETE
/visitors GET PUT
/visitors/convert POST
`
