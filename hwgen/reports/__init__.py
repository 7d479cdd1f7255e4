"""What the jobs find out, as objects that put themselves into JSON and into words."""
