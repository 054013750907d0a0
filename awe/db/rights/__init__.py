"""People, projects and courses: who may see and do what, who published what, and the trash."""
