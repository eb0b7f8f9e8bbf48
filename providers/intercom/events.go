package intercom

import (
	"encoding/json"
	"io"
	"net/http"
)

// mostEvent is how much of an event is read. What is cut off is no JSON, and not sent twice.
const mostEvent = 64 << 10

// dated says whether a request's body is an event that says what it is called and when it was created, by which Intercom
// knows it again.
func dated(req *http.Request) bool {
	if req.GetBody == nil {
		return false
	}
	body, err := req.GetBody()
	if err != nil {
		return false
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, mostEvent))
	if err != nil {
		return false
	}
	var event struct {
		Name string `json:"event_name"`
		At   int64  `json:"created_at"` // in seconds since 1970
	}
	return json.Unmarshal(text, &event) == nil && event.Name != "" && event.At > 0
}
