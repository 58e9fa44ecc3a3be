/** Stands for the class of that package in the documents. */
export class Decimal {}
