package intercomtest

import (
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/underlimit/underlimit/providers/apitest"
)

// reply makes up what Intercom might say to a request that it processed.
func (a *api) reply(method string, path []string, body map[string]any, clock time.Time) apitest.Answer {
	collection, last := path[0], path[len(path)-1]
	switch {
	case collection == "":
		answer := a.failed(http.StatusNotFound, "not_found", "The requested resource does not exist")
		answer.Violation = "there is no such resource"
		return answer
	case collection == "me":
		return apitest.Reply(http.StatusOK, map[string]any{
			"type": "admin", "id": "1", "email": "fake@example.com", "name": "Fake",
			"app": map[string]any{"type": "app", "id_code": "fake", "name": "Fake", "region": "US"},
		})
	case collection == "events" && method == http.MethodPost:
		return apitest.Answer{Status: http.StatusAccepted, Header: http.Header{}}
	case method == http.MethodGet && len(path) == 1, last == "search", last == "list":
		return apitest.Reply(http.StatusOK, list(collection))
	case method == http.MethodDelete:
		return apitest.Reply(http.StatusOK, map[string]any{"type": singular(collection), "id": last, "deleted": true})
	}
	object := map[string]any{}
	maps.Copy(object, body)
	object["type"] = singular(collection)
	object["updated_at"] = clock.Unix()
	if len(path) > 1 {
		object["id"] = path[1]
	} else {
		a.objects++
		object["id"] = strconv.Itoa(a.objects)
		object["created_at"] = clock.Unix()
	}
	return apitest.Reply(http.StatusOK, object)
}

// list is an empty list of a collection. Those of the older kind are named after it.
func list(collection string) map[string]any {
	l := map[string]any{"type": "list", "data": []any{}}
	switch collection {
	case "conversations", "admins", "tickets", "teams":
		l = map[string]any{"type": singular(collection) + ".list", collection: []any{}}
	}
	l["total_count"] = 0
	l["pages"] = map[string]any{"type": "pages", "page": 1, "per_page": 50, "total_pages": 0}
	return l
}

func singular(collection string) string {
	if stem, ok := strings.CutSuffix(collection, "ies"); ok {
		return stem + "y"
	}
	return strings.TrimSuffix(collection, "s")
}
