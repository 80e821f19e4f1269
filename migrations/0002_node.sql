-- What nodes remember of their own work. It is no evidence: it stands beside the log and the views, is in no proof, and
-- losing it costs repetition, never a fact.
create schema node;

create table node.webhooks (
    name         text collate "C" not null,
    next         bigint not null,
    failures     integer not null default 0,
    last_failure text,
    constraint webhooks_pkey primary key (name)
);
comment on table node.webhooks is 'How far each webhook has been told of the log.';
comment on column node.webhooks.name is 'As the settings name it.';
comment on column node.webhooks.next is 'The position that it is told of next: everything before was delivered or is not for it.';
comment on column node.webhooks.failures is 'Attempts at that position that failed; 0 after one that did not.';
comment on column node.webhooks.last_failure is 'Why the last one failed; null after one that did not.';
