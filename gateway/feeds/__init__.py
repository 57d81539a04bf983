"""Lists that others keep: fetched in the background, cached on disk, checked before they count."""
