-- postgres.create_database
CREATE DATABASE strongroom
