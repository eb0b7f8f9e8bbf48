package discord

// Templates are the documented paths.
var Templates = templates

// MaxSegments is how much of a path is looked at.
const MaxSegments = maxSegments
